"""One control plane for the whole tier, each stack deployed once; a failing test tells what the cluster has to say."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.cluster.control_plane import ControlPlane, control_plane, missing
from tests.cluster.deployment import Deployment
from tests.cluster.program import STACKS, program

_RUNNING: list[ControlPlane] = []
_UNSETTLED: list[Deployment] = []


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """A control plane on loopback; skips where its programs have not been built."""
    if absent := missing():
        pytest.skip(f"cluster tier: `make tools` has not made {', '.join(absent)}")
    with control_plane() as running:
        _RUNNING.append(running)
        yield running
        _RUNNING.clear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test runs on the shipped stacks, or on those of its mark `stacks`."""
    if "applied" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("stacks")
        metafunc.parametrize("applied", mark.args if mark else STACKS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def applied(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A stack, applied; nothing of it is left for the next one."""
    deployment = Deployment(program(request.param), plane.client)
    deployment.apply()
    yield deployment
    deployment.delete()


@pytest.fixture
def deployed(applied: Deployment) -> Iterator[Deployment]:
    """A stack with every pod running, before and after the test."""
    if applied in _UNSETTLED:
        pytest.skip(f"{applied.program.stack}: an earlier test left pods that do not run")
    _UNSETTLED.append(applied)
    applied.settle()
    yield applied
    applied.settle()
    _UNSETTLED.remove(applied)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add events, pods that do not run and the last log lines to a failure."""
    report = yield
    if report.failed and _RUNNING:
        report.sections.append(("cluster", _RUNNING[0].account()))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a deployed stack stays in one process; files with a control plane of their own may be in another."""
    for item in items:
        shares = "applied" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("stacks" if shares else item.path.name))
