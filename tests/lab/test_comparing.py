"""Two runs compared for the lab: the numbers are compare's own; flips come with their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_grade, make_record
from stored_run import REFUSED, StoredCase, StoredRun

from evalkit.errors import ConfigError
from evalkit.lab.comparing import compare_folders, why_it_failed

NAMES = [f"case-{number}" for number in range(8)]


def _store(root: Path, failing: tuple[str, ...] = (), mode: str = "crawl", **changes: Any) -> Path:
    cases = [StoredCase(name, grade=0.0 if name in failing else 1.0) for name in NAMES]
    StoredRun(root, cases, mode=mode, changes=changes, sound=False).write()
    return root


def test_flips_are_named_with_their_reasons(tmp_path: Path) -> None:
    """Lost ones first; the reason is that of the side on which it failed."""
    before, after = _store(tmp_path / "a", ("case-5",)), _store(tmp_path / "b", ("case-1", "case-3"))
    found = compare_folders(before, after)
    assert [(flip.key, flip.is_lost) for flip in found.flips] == [("case-1", True), ("case-3", True), ("case-5", False)]
    assert found.flips[0].reasons == ("tool_call_args: because Where is my order, please?",)
    assert found.comparison.paired == 8


def test_significance_is_that_of_compare(tmp_path: Path) -> None:
    """Seven of eight lost, none won: exact McNemar gives 2 of 2^7."""
    found = compare_folders(_store(tmp_path / "a"), _store(tmp_path / "b", tuple(NAMES[:7])))
    passed = found.comparison.metrics[0]
    assert (passed.metric, passed.verdict) == ("passed", "regressed")
    assert passed.difference.p_value == pytest.approx(2 / 2**7)


def test_a_key_of_another_version_is_no_difference(tmp_path: Path) -> None:
    """It is listed by itself; one that both have and that differs is told as such."""
    before = _store(tmp_path / "a", assistant={"model": "one"}, of_tomorrow={"knob": 3})
    after = _store(tmp_path / "b", assistant={"model": "two", "of_yesterday": 1})
    found = compare_folders(before, after)
    assert found.one_sided_keys == ("assistant.of_yesterday", "of_tomorrow.knob")
    assert [change.key for change in found.comparison.config_changes] == ["assistant.model"]
    assert not any("of_tomorrow" in warning for warning in found.comparison.warnings)


def test_only_runs_of_one_mode_can_be_compared(tmp_path: Path) -> None:
    """Their cases are different questions."""
    with pytest.raises(ConfigError, match="A is mode=crawl, B is mode=walk"):
        compare_folders(_store(tmp_path / "a"), _store(tmp_path / "b", mode="walk"))


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    """A run may be deleted while its page is open."""
    with pytest.raises(ConfigError, match=r"holds no config\.yaml"):
        compare_folders(_store(tmp_path / "a"), tmp_path / "gone")


def test_runs_without_a_common_case_have_no_flips(tmp_path: Path) -> None:
    """The page says so rather than breaking."""
    StoredRun(tmp_path / "b", [StoredCase("other")], sound=False).write()
    found = compare_folders(_store(tmp_path / "a"), tmp_path / "b")
    assert (found.flips, found.comparison.metrics, found.comparison.paired) == ((), (), 0)
    assert len(found.comparison.unpaired) == 9


def test_why_a_case_failed() -> None:
    """The newest word of each grader that was not full; or how it broke off."""
    record = make_record()
    grades = [
        make_grade(record, "polite", 0, rationale="old"),
        make_grade(record, "polite", 0, rationale="new"),
        make_grade(record, "tool_call", 1),
        make_grade(record, "unclear", None),
    ]
    assert why_it_failed(record, grades) == ("polite: new",)
    broken = make_record(failure=REFUSED)
    assert why_it_failed(broken, ())[0].startswith("connect: nobody listens")
