"""For every known-defect agent, the grader meant for it falls, and no other: the table in docs/graders.md is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, read_json

TABLE = Path(__file__).parents[2] / "docs" / "graders.md"
METRICS = ("tool_call_correctness", "tool_call_arg_correctness", "audio_text_mismatch_grade")
CASES = 12


def _documented() -> dict[str, set[str]]:
    """Return agent -> metrics that fall, as docs/graders.md says."""
    rows = re.findall(r"^\| `(local-[a-z-]+)` \|[^|]*\|([^|]*)\|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return {agent: set(re.findall(r"`([a-z_]+)`", caught)) for agent, caught in rows}


@pytest.fixture(scope="module")
def summaries(warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run of each documented agent and of the baseline, over the same cases."""
    cli = Cli(tmp_path_factory.mktemp("defects"), warm_env)
    agents = ",".join(["local-agent", *_documented()])
    done = cli("-m", f"assistant.model={agents}", f"max_examples={CASES}", "report.plots=false", timeout_s=580)
    assert done.code == 0, done.err
    found = [read_json(path) for path in done.directory.glob("[0-9]_*/summary.json")]
    return {summary["model"]: summary for summary in found}


@pytest.mark.parametrize("agent", sorted(_documented()))
def test_the_defect_is_caught_by_its_grader_and_by_no_other(agent: str, summaries: dict[str, Any]) -> None:
    """A metric counts as fallen when its mean is lower than the baseline's, or no longer given at all."""
    fallen = {
        metric for metric in METRICS if _value(summaries[agent], metric) < _value(summaries["local-agent"], metric)
    }
    assert fallen == _documented()[agent]


def test_every_defect_agent_of_the_provider_is_in_the_table() -> None:
    """None slips through for want of a row; who only takes turns badly is in another table, with its own test."""
    from evalkit.service.brain.rules.agent.models import MODELS
    from evalkit.service.turns.manners import BAD_MANNERS

    assert set(_documented()) == set(MODELS) - {"local-agent", "local-echo"} - set(BAD_MANNERS)


def _value(summary: dict[str, Any], metric: str) -> float:
    """Return a mean; one that is not given is below every other."""
    mean = summary.get(f"{metric}_mean")
    return -1.0 if mean is None else float(mean)
