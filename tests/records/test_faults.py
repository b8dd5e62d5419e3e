"""One function decides whose fault it is."""

from pathlib import Path

import pytest

from evalkit.errors import CaseFailure
from evalkit.records.faults import POLICIES, Failure, Fault, Stage, decide_fault


def test_a_mode_adds_stages_of_its_own() -> None:
    """With the fault it gives them, and it may see a shipped stage otherwise; the kind still comes first."""
    stages = {"compile": Fault.ASSISTANT, Stage.CASE_TIMEOUT: Fault.ASSISTANT}
    assert decide_fault(Failure("compile", "syntax_error", ""), stages) is Fault.ASSISTANT
    assert decide_fault(Failure(Stage.CASE_TIMEOUT, "timeout", ""), stages) is Fault.ASSISTANT
    assert decide_fault(Failure(Stage.CASE_TIMEOUT, "timeout", "")) is Fault.INFRASTRUCTURE
    assert decide_fault(Failure("compile", "connection_refused", ""), stages) is Fault.INFRASTRUCTURE


def test_a_stage_that_nobody_knows_is_infrastructure() -> None:
    """A record of a mode that is not installed here still has a fault, and never the assistant's."""
    assert decide_fault(Failure("compile", "syntax_error", "")) is Fault.INFRASTRUCTURE


def test_a_failure_keeps_all_of_the_exception() -> None:
    """Stage, kind, words, and how long the peer asked us to wait."""
    raised = CaseFailure("compile", "rate_limited", "slow down", retry_after_s=2.5)
    assert Failure.of(raised) == Failure("compile", "rate_limited", "slow down", 2.5)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_the_lines_trouble_is_never_the_assistants(stage: Stage, kind: str) -> None:
    """Wherever it happens, so that it never lowers a score."""
    assert decide_fault(Failure(stage, kind, "")) is Fault.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("stage", "kind", "fault"),
    [
        (Stage.RESPONSE_TIMEOUT, "timeout", Fault.ASSISTANT),
        (Stage.RESPONSE_EMPTY, "no_answer", Fault.ASSISTANT),
        (Stage.RESPONSE_STATUS, "invalid_tool_arguments", Fault.ASSISTANT),
        (Stage.TURN_TIMEOUT, "timeout", Fault.ASSISTANT),
        (Stage.TOOL_ROUNDS, "too_many_tool_rounds", Fault.ASSISTANT),
        (Stage.SIMULATOR_TURN, "role_swap", Fault.SIMULATOR),
        (Stage.GRADING, "unparsable", Fault.JUDGE),
        (Stage.PREPARE, "recording_unreadable", Fault.DATA),
        (Stage.INTERNAL, "RuntimeError", Fault.INFRASTRUCTURE),
    ],
)
def test_known_cases(stage: Stage, kind: str, fault: Fault) -> None:
    """Kind first, then stage."""
    assert decide_fault(Failure(stage, kind, "")) is fault


def test_the_documented_stages_are_the_stages() -> None:
    """docs/failures.md says of each shipped stage whose fault it is."""
    text = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
    table = text.partition("## By stage")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert {stage.strip("`"): fault for stage, fault in rows} == {
        str(stage): str(decide_fault(Failure(stage, "something", ""))) for stage in Stage
    }


def test_the_documented_table_is_the_table() -> None:
    """docs/failures.md has a line for each kind that says what the code does, and no other."""
    text = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    found = {kind.strip("`"): cells for kind, *cells in rows if kind.strip("`") in POLICIES}
    assert found == {
        kind: [
            policy.meaning,
            {0: "never", 1: "`limits.max_attempts`"}.get(
                policy.attempts_factor, f"{policy.attempts_factor} x `limits.max_attempts`"
            ),
            f"{policy.first_wait_s:g} s" if policy.attempts_factor else "",
            "yes" if policy.is_pressure else "",
            str(policy.fault),
        ]
        for kind, policy in POLICIES.items()
    }
