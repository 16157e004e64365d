"""The real Loki with the rendered configuration on loopback, and the recorded day of the workload's logs in it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from components.monitoring.logs.fluent_bit import output
from components.monitoring.logs.loki import PORT, RING_PORTS
from tests import tools
from tests.cluster.processes import Processes, free_ports
from tests.contract import fluent_bit
from tests.contract.rendered import recorded

START_SECONDS = 60
"""It answers that it is ready 15 s after its ring says so."""


class QueryError(AssertionError):
    """Loki refused a query."""


@dataclass(frozen=True, slots=True)
class Loki:
    """A running one."""

    url: str

    def push(self, records: list[dict[str, Any]]) -> None:
        """Records of Fluent Bit as its output makes lines of them: labels, structured metadata, the rest as JSON."""
        settings = dict(output(replace(fluent_bit.plan(), destination="loki"), "us-east-1")[1])
        assert settings["line_format"] == "json"
        removed = settings["remove_keys"].split(", ")
        now = time.time_ns()
        streams = [
            {
                "stream": _picked(settings["Labels"], record),
                "values": [
                    [
                        str(now + number),
                        json.dumps({key: value for key, value in record.items() if key not in removed}),
                        _picked(settings["structured_metadata"], record),
                    ]
                ],
            }
            for number, record in enumerate(records)
        ]
        content = json.dumps({"streams": streams}).encode()
        request = Request(f"{self.url}/loki/api/v1/push", content, {"content-type": "application/json"})
        with urlopen(request, timeout=20):
            pass

    def lines(self, query: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """Labels and content of the lines that a query finds; QueryError with Loki's words where it refuses."""
        now = time.time_ns()
        asked = {"query": query, "start": str(now - 3600 * 10**9), "end": str(now + 60 * 10**9), "limit": "500"}
        try:
            with urlopen(f"{self.url}/loki/api/v1/query_range?{urlencode(asked)}", timeout=20) as answer:
                streams = json.load(answer)["data"]["result"]
        except HTTPError as error:
            raise QueryError(error.read().decode()) from error
        return [(stream["stream"], json.loads(line)) for stream in streams for _, line in stream["values"]]


def _picked(pairs: str, record: dict[str, Any]) -> dict[str, str]:
    """`name=$field, name=text` with the record's fields; Fluent Bit leaves out those that it lacks."""
    named = (pair.partition("=") for pair in pairs.split(", "))
    found = {name: record.get(value[1:]) if value.startswith("$") else value for name, _, value in named}
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def storing(folder: Path) -> Generator[Loki]:
    """Loki; ports are others, files are here instead of in a bucket, and its ring is of itself alone."""
    program = tools.find("loki")
    assert program is not None, "loki is not built (`make tools`)"
    (processes, ports) = Processes(folder), free_ports(3)
    file = folder / "loki.yaml"
    file.write_text(yaml.safe_dump(_here(folder, dict(zip((PORT, *RING_PORTS), ports, strict=True)))))
    processes.start("loki", [program, f"-config.file={file}", "-target=all"])
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        processes.wait_for(f"{url}/ready", START_SECONDS)
        yield Loki(url)
    finally:
        processes.stop_all()


def _here(folder: Path, ports: dict[int, int]) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(recorded("loki-plain")["files"]["config.yaml"])
    gossip, grpc = (ports[port] for port in RING_PORTS)
    content["server"] |= {
        "http_listen_port": ports[PORT],
        "grpc_listen_port": grpc,
        "http_listen_address": "127.0.0.1",
        "grpc_listen_address": "127.0.0.1",
    }
    content["memberlist"] |= {"join_members": [], "bind_port": gossip, "bind_addr": ["127.0.0.1"]}
    files = {"filesystem": {"chunks_directory": f"{folder}/chunks", "rules_directory": f"{folder}/rules"}}
    content["common"] |= {
        "path_prefix": f"{folder}/loki",
        "storage": files,
        "compactor_grpc_address": f"127.0.0.1:{grpc}",
        "ring": {"kvstore": {"store": "inmemory"}, "instance_addr": "127.0.0.1"},
    }
    content["frontend"]["address"] = "127.0.0.1"
    content["schema_config"]["configs"][0]["object_store"] = "filesystem"
    content["compactor"]["delete_request_store"] = "filesystem"
    del content["ruler"]
    content["storage_config"]["bloom_shipper"] = {"working_directory": f"{folder}/bloom"}
    (folder / "runtime.yaml").write_text(recorded("loki-plain")["files"]["runtime-config.yaml"])
    content["runtime_config"]["file"] = str(folder / "runtime.yaml")
    return content
