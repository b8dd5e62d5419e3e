"""One function decides whose fault it is."""

from pathlib import Path

import pytest

from evalkit.records.faults import POLICIES, Failure, Fault, Stage, decide_fault


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_fault(stage: Stage) -> None:
    """No failure is nobody's."""
    assert decide_fault(Failure(stage, "something", "")) in Fault


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


def test_the_documented_table_is_the_table() -> None:
    """docs/failures.md has a line for each kind that says what the code does, and no other."""
    text = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    found = {kind.strip("`"): cells for kind, *cells in rows if kind.strip("`") in POLICIES}
    assert found == {
        kind: [
            policy.meaning,
            {0: "never", 1: "`limits.max_attempts`"}.get(policy.patience, f"{policy.patience} x `limits.max_attempts`"),
            f"{policy.first_wait_s:g} s" if policy.patience else "",
            "yes" if policy.is_pressure else "",
            str(policy.fault),
        ]
        for kind, policy in POLICIES.items()
    }
