"""Users with a known defect are found out, and the agent is not blamed for them; so are rules that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from boxes.needs import needs_sandbox
from harness import Cli, read_rows

pytestmark = needs_sandbox
QUICK = ("report.plots=false", "report.html=false", "limits.max_attempts=1")
# Model that plays the persona -> how its turns are found bad; empty: they are good.
USERS = {
    "local-caller": "",
    "local-caller-silent": "silence",
    "local-caller-leaks": "leaked_instructions",
    "local-caller-swaps-roles": "role_swap",
    "local-caller-invents": "invented_fact",
    "local-caller-repeats": "repetition",
}


def test_a_user_who_leaves_his_role_is_the_simulators_fault(cold_cli: Cli) -> None:
    models = ",".join(USERS)
    done = cold_cli(
        "-m",
        "mode=terminal",
        "agent.transport=acp",
        "mode.cases=[persona_answers]",
        f"simulator.model={models}",
        *QUICK,
    )
    found = {}
    for job, model in enumerate(USERS):
        [directory] = done.directory.glob(f"{job}_*")
        last = read_rows(directory)[-1]
        found[model] = (last["fault"], last["error_type"], last["passed"])
    assert found == {
        model: ("simulator", problem, "") if problem else ("", "", "1") for model, problem in USERS.items()
    }


def write_case(folder: Path, reactors: str, prompt: str = "Create a.txt with the text A") -> None:
    (folder / "cases.csv").write_text("case_file\nrules.yaml\n")
    (folder / "rules.yaml").write_text(f"""
case_id: rules
title: Rules with a defect
category: rules
initial_prompt: {prompt}
setup_files: {{b.txt: {"x" * 3000 + "y" * 3000}}}
reactors:
  - {{id: allow, when: {{type: approval}}, action: {{type: approve}}}}
{reactors}
checks:
  - {{id: a, type: file_exists, path: a.txt}}
  - {{id: planned, type: reactors_fired}}
""")


def hold(cli: Cli, reactors: str, **case: str) -> dict[str, str]:
    """Return the last row of a session whose case has these rules."""
    write_case(cli.cwd, reactors, **case)
    done = cli("mode=terminal", "mode.data_csv=cases.csv", "agent.transport=acp", *QUICK)
    assert done.code in (0, 1, 3), done.err
    return done.rows[-1]


def test_a_rule_that_never_matches_is_seen(cold_cli: Cli) -> None:
    """What the case planned did not happen, and the check says which rule was waited for."""
    never = "{id: never, when: {type: contains, pattern: NO-SUCH}, action: {type: say, payload: x}, required: true}"
    row = hold(cold_cli, f"  - {never}")
    assert (row["passed"], row["planned_grade"], row["a_grade"], row["fault"]) == ("0", "0", "1", "")
    assert "never" in row["planned_rationale"]


def test_a_pattern_without_end_is_a_fault_of_the_data(cold_cli: Cli) -> None:
    """It neither hangs the run nor counts against the agent."""
    slow = "  - {id: slow, when: {type: regex, pattern: '(x+x+)+(y+y+)+z'}, action: {type: end}}"
    row = hold(cold_cli, slow, prompt="Show b.txt")
    assert (row["fault"], row["error_type"], row["passed"]) == ("data", "slow_pattern", "")


@pytest.mark.parametrize(
    ("reactors", "message"),
    [
        ("  - {id: again, when: {type: approval}, action: {type: deny}}", "can never fire"),
        ("  - {id: allow, when: {type: contains, pattern: x}, action: {type: end}}", "the id is taken"),
        ("  - {id: open, when: {type: regex, pattern: '('}, action: {type: end}}", "is not a regular expression"),
    ],
)
def test_rules_that_make_no_sense_are_refused(cold_cli: Cli, reactors: str, message: str) -> None:
    write_case(cold_cli.cwd, reactors)
    done = cold_cli("mode=terminal", "mode.data_csv=cases.csv")
    assert done.code == 2
    assert message in done.err
