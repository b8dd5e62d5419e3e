"""service.faults in a run config: checked before anything starts, known by content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.peers.fault_plans import find_unknown_cases
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare


def _prepare(folder: Path, *overrides: str) -> Prepared:
    planned = plan(overrides, packaged_source())
    return prepare(planned.jobs[0].config, folder, {"OPENAI_API_KEY": "k"})


def test_a_file_is_the_line_that_means_the_same(tmp_path: Path) -> None:
    """Config, service and records know what the plan says, and never where it was written."""
    (tmp_path / "plan.json").write_text(json.dumps([{"fault": "stall", "at": "committed"}]), encoding="utf-8")
    written, read = (_prepare(tmp_path, f"service.faults={plan}") for plan in ("stall@committed", "plan.json"))
    assert read.settings.service.faults == "stall@committed"
    found = [prepared.fingerprint(prepared.cases[0]) for prepared in (read, written, _prepare(tmp_path))]
    assert found[0] == found[1] != found[2]


def test_the_faulty_provider(tmp_path: Path) -> None:
    """provider=local_faulty is the embedded one with a preset, which a line may change."""
    assert "rate_limited/share:0.2/times:1" in str(_prepare(tmp_path, "provider=local_faulty").settings.service.faults)
    other = _prepare(tmp_path, "provider=local_faulty", "service.faults=reset")
    assert other.settings.service.faults == "reset"
    assert other.settings.assistant.provider == _prepare(tmp_path).settings.assistant.provider


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["service.faults=clos"], "did you mean 'close'"),
        (["service.faults=absent.json"], "cannot be read"),
        (["service.faults=plan.json"], "rule #1: 'code'"),
        (["service.faults=stall", "provider=openai"], "no role is served by the embedded provider"),
    ],
)
def test_a_plan_that_is_none(tmp_path: Path, overrides: list[str], words: str) -> None:
    """One message, before anything starts."""
    (tmp_path / "plan.json").write_text('[{"fault": "close", "code": 7}]', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        _prepare(tmp_path, *overrides)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "named", "hint"),
    [
        (["service.faults=stall@committed/case:nosuch"], "nosuch", ""),
        (["service.faults=flaky+reset/case:status-lamp.t3", "trials=2"], "status-lamp.t3", "status-lamp.t2"),
        (["service.faults=reset/case:neighbors-order", "max_examples=3"], "neighbors-order", ""),
    ],
)
def test_a_case_that_is_not_run_is_named(tmp_path: Path, overrides: list[str], named: str, hint: str) -> None:
    """A fault that hits nobody is no test of anything, and nothing would say so afterwards."""
    prepared = _prepare(tmp_path, *overrides)
    (problem,) = find_unknown_cases(prepared.settings.service.faults, prepared.keys)
    assert problem.startswith(f"service.faults: case {named!r} is not run")
    assert (f"did you mean {hint!r}?" in problem) if hint else ("did you mean" not in problem)


def test_a_case_that_is_run_may_be_hit(tmp_path: Path) -> None:
    """By its key, trial and all; and the n-th session of a client that does not say whose it is."""
    case_id = _prepare(tmp_path).cases[0].case_id
    line = f"reset/case:{case_id}.t2+stall/case:{case_id}+close/case:%233"
    prepared = _prepare(tmp_path, f"service.faults={line}", "trials=2")
    assert find_unknown_cases(prepared.settings.service.faults, prepared.keys) == []


def test_a_replay_commits_no_faults_of_its_own(tmp_path: Path) -> None:
    """The stored run's plan is no mistake of who replays it, and has no effect."""
    from evalkit.peers.fault_plans import settle_faults

    roles = ("assistant", "simulator", "judge", "speech")
    resolved = {"service": {"faults": "stall"}, **{role: {"provider": {"name": "replay"}} for role in roles}}
    settle_faults(resolved, tmp_path)
    assert resolved["service"]["faults"] is None
