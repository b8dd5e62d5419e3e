"""The application puts the rooms' routes together behind the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from evalkit.lab.application import make_application
from evalkit.lab.lab import Lab


def test_what_nobody_serves_is_not_found(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """The answer is under the lab's headers, as every other."""
    answer = open_client(lab).get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/ui/index.html"])
def test_every_entrance_leads_to_the_runs(lab: Lab, open_client: Callable[[Lab], TestClient], path: str) -> None:
    """Also those that people know from elsewhere."""
    answer = open_client(lab).get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/ui/")


class _Noted:
    """A service that notes what is done with it, and may fail."""

    def __init__(self, name: str, notes: list[str], *, fails: bool = False) -> None:
        self._name = name
        self._notes = notes
        self._fails = fails

    def start(self) -> None:
        self._notes.append(f"start {self._name}")
        if self._fails:
            raise RuntimeError(self._name)

    def stop(self) -> None:
        self._notes.append(f"stop {self._name}")


def test_services_run_while_it_is_up(lab: Lab) -> None:
    """They end in reverse, for the later use the earlier."""
    notes: list[str] = []
    with TestClient(make_application(replace(lab, services=(_Noted("index", notes), _Noted("queue", notes))))):
        assert notes == ["start index", "start queue"]
    assert notes[2:] == ["stop queue", "stop index"]


def test_a_service_that_cannot_start_leaves_nothing_running(lab: Lab) -> None:
    """It is stopped itself, too: it may have begun; what would come after it never starts."""
    notes: list[str] = []
    services = (_Noted("index", notes), _Noted("queue", notes, fails=True), _Noted("feeds", notes))
    with pytest.raises(RuntimeError, match="queue"), TestClient(make_application(replace(lab, services=services))):
        pass
    assert notes == ["start index", "start queue", "stop queue", "stop index"]
