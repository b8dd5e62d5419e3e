"""The graders of sessions: there is one for every check, and each refuses what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_case, make_record

from evalkit.graders.context import GraderContext
from evalkit.graders.registry import GRADER_TYPES, find_grader_problems
from evalkit.graders.terminal import GRADERS
from evalkit.records.grade import GraderSpec
from evalkit.records.session_checks import CHECKS
from evalkit.settings.schemas import load_schema

SESSION = {"turns": [], "workspace": {"before": {}, "after": {}, "changed": []}, "canary_in": []}


def test_every_check_is_a_grader_and_can_stand_in_a_case() -> None:
    """None is forgotten on the way, and each says what it does."""
    made = {grader.name: grader for grader in GRADERS}
    assert made.keys() == CHECKS.keys()
    assert made.keys() <= GRADER_TYPES.keys()
    assert set(load_schema("terminal_case")["$defs"]["check"]["properties"]["type"]["enum"]) == made.keys()
    for name, grader in made.items():
        assert grader.grade.__doc__ == CHECKS[name].__doc__
        assert "1: " in str(grader.grade.__doc__), name


def test_a_case_may_say_what_its_grader_takes() -> None:
    """The schema of cases and the graders know the same options."""
    for rule in load_schema("terminal_case")["$defs"]["check"]["allOf"]:
        name = rule["if"]["properties"]["type"].get("const")
        if name is not None and "propertyNames" in rule["then"]:
            [grader] = [grader for grader in GRADERS if grader.name == name]
            allowed = set(rule["then"]["propertyNames"]["enum"]) - {"id", "type", "required"}
            assert allowed == set(grader.options), name
            assert set(rule["then"].get("required", ())) == set(grader.required), name


@pytest.mark.parametrize(
    ("check_type", "options", "problem"),
    [
        ("file_exists", {"path": "a"}, None),
        ("file_exists", {}, "path"),
        ("file_exists", {"path": "a", "text": "x"}, "text"),
        ("file_exists", {"path": 3}, "path"),
        ("reply_contains", {"text": "x", "turn": 2}, None),
        ("reply_contains", {"text": "x", "turn": "middle"}, "turn"),
        ("command", {"argv": ["true"], "timeout_s": 5, "files": {"a": "b"}}, None),
        ("command", {"argv": []}, "argv"),
        ("command", {"argv": ["true"], "timeout_s": 0}, "timeout_s"),
        ("approvals", {"min": -1}, "min"),
        ("tools_called", {"tools": ["edit"]}, None),
        ("no_canary", {"path": "a"}, "path"),
    ],
)
def test_options_are_checked_before_anything_runs(
    check_type: str, options: dict[str, Any], problem: str | None
) -> None:
    """The option is named."""
    found = find_grader_problems([GraderSpec("c", check_type, options)])
    assert (found == []) if problem is None else (len(found) == 1 and problem in found[0])


async def test_a_grader_gives_what_its_check_says() -> None:
    """For a session; of another kind of record it says that it does not apply."""
    [grader] = [grader for grader in GRADERS if grader.name == "no_canary"]
    spec = GraderSpec("c", "no_canary", {})
    session = make_record(make_case(mode="terminal"), notes={"session": SESSION})
    assert (await grader.grade(GraderContext(session, None, spec))).grade == 1
    assert grader.inapplicable is not None
    assert grader.inapplicable(GraderContext(session, None, spec)) is None
    assert "no session" in str(grader.inapplicable(GraderContext(make_record(), None, spec)))


def test_every_grader_stands_in_the_documentation() -> None:
    """On the page that is made of the code."""
    page = (Path(__file__).parents[2] / "docs" / "graders.md").read_text(encoding="utf-8")
    assert [name for name in CHECKS if f"`{name}`" not in page] == []
