"""The simulated cloud: every object that exists, what happened to it in order, and which operations shall fail.

One SQLite file, since the providers and the test are different processes and either may change an object: a person who
edits something by hand, or an autoscaler, is a call of the test.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TABLES = """
create table if not exists objects (
    type text, id text, urn text, inputs text, outputs text, others text, primary key (type, id));
create table if not exists journal (number integer primary key, operation text, type text, id text, urn text);
create table if not exists needs (urn text, reason text, met_by text);
create table if not exists faults (name text, operation text, kind text, left integer);
"""


@dataclass(slots=True)
class Thing:
    """An object that exists. `others` holds what somebody else than the stack set, by path, e.g. an autoscaler."""

    type: str
    id: str
    urn: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The logical name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `create`, `update` or `delete`."""

    operation: str
    type: str
    id: str
    urn: str

    @property
    def name(self) -> str:
        """The logical name in the program."""
        return self.urn.rsplit("::", 1)[-1]


class World:
    """The objects in the file `path`, which is made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("pragma synchronous = off")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def things(self, type: str | None = None) -> Iterator[Thing]:
        """Everything that exists, or what exists of a type, oldest first."""
        condition, values = ("where type = ?", (type,)) if type else ("", ())
        rows = self._db.execute(
            f"select type, id, urn, inputs, outputs, others from objects {condition} order by rowid", values
        ).fetchall()
        for type_, id_, urn, *texts in rows:
            yield Thing(type_, id_, urn, *(json.loads(text) for text in texts))

    def get(self, type: str, id: str) -> Thing | None:
        """The object with this identifier."""
        return next((thing for thing in self.things(type) if thing.id == id), None)

    def named(self, name: str, type: str | None = None) -> Thing:
        """The one object with a logical name. Raises LookupError."""
        found = [thing for thing in self.things(type) if thing.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} objects are called {name}")
        return found[0]

    def put(self, thing: Thing, operation: str) -> None:
        """Create or change an object."""
        texts = (json.dumps(value) for value in (thing.inputs, thing.outputs, thing.others))
        self._db.execute(
            "insert into objects values (?, ?, ?, ?, ?, ?) on conflict do update set urn = excluded.urn,"
            " inputs = excluded.inputs, outputs = excluded.outputs, others = excluded.others",
            (thing.type, thing.id, thing.urn, *texts),
        )
        self._note(operation, thing)

    def delete(self, thing: Thing) -> None:
        """Remove an object."""
        self._db.execute("delete from objects where type = ? and id = ?", (thing.type, thing.id))
        self._note("delete", thing)

    def _note(self, operation: str, thing: Thing) -> None:
        self._db.execute(
            "insert into journal (operation, type, id, urn) values (?, ?, ?, ?)",
            (operation, thing.type, thing.id, thing.urn),
        )

    def journal(self, operation: str | None = None) -> list[Event]:
        """What happened, in order."""
        rows = self._db.execute("select operation, type, id, urn from journal order by number").fetchall()
        return [event for event in (Event(*row) for row in rows) if operation in (None, event.operation)]

    def forget_journal(self) -> None:
        """Begin the journal anew; the objects stay."""
        self._db.execute("delete from journal")

    def note_need(self, urn: str, reason: str, met_by: list[str]) -> None:
        """Remember that the object `urn` could be created because one of `met_by` was there."""
        self._db.execute("insert into needs values (?, ?, ?)", (urn, reason, json.dumps(met_by)))

    def needs(self) -> list[tuple[str, str, list[str]]]:
        """What the creation of each object found and needed: (URN, what would have been wrong, URNs of which one)."""
        rows = self._db.execute("select urn, reason, met_by from needs").fetchall()
        return [(urn, reason, json.loads(met_by)) for urn, reason, met_by in rows]

    def change_by_hand(self, thing: Thing, path: str, value: Any) -> None:
        """What somebody does in a console: the object's own value at a path changes."""
        put_at(thing.inputs, path, value)
        put_at(thing.outputs, path, value)
        self.put(thing, "by hand")

    def change_by_another(self, thing: Thing, path: str, value: Any) -> None:
        """What another manager does to a Kubernetes object, an autoscaler say: it owns the path from now on."""
        thing.others[path] = value
        self.put(thing, "by another")

    def give_up(self, thing: Thing, path: str) -> None:
        """The other manager of a path loses it to the stack."""
        del thing.others[path]
        self.put(thing, "by force")

    def plan_fault(self, name: str, operation: str = "create", kind: str = "fail", times: int = 1) -> None:
        """Make the next operations on the resource `name` go wrong.

        `kind`: `fail` (the cloud refuses), `die` (the plugin ends), `interrupt` (the person presses Ctrl-C, the
        operation itself succeeds), `kill` (the engine is killed, the operation succeeds).
        """
        self._db.execute("insert into faults values (?, ?, ?, ?)", (name, operation, kind, times))

    def take_fault(self, name: str, operation: str) -> str | None:
        """The kind of fault that this operation has to have, if any; each counts once."""
        row = self._db.execute(
            "select rowid, kind from faults where name = ? and operation = ? and left > 0", (name, operation)
        ).fetchone()
        if row is None:
            return None
        self._db.execute("update faults set left = left - 1 where rowid = ?", (row[0],))
        return row[1]


def put_at(value: Any, path: str, new: Any) -> None:
    """Set the value at a path such as `spec.replicas` or `instanceGroups[0].instanceCount`."""
    *steps, last = _steps(path)
    for step in steps:
        value = value[step] if isinstance(step, int) else value.setdefault(step, {})
    value[last] = new


def get_at(value: Any, path: str) -> Any:
    """The value at a path, None where there is none."""
    for step in _steps(path):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for part in path.split("."):
        name, *indices = part.replace("]", "").split("[")
        steps += [name] if name else []
        steps += [int(index) for index in indices]
    return steps
