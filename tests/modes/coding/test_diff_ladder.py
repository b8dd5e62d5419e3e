"""What git makes of a diff must be what its lines say."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.diff_ladder import AppliedDiff, apply_diff
from evalkit.modes.coding.edit_policy import EditPolicy
from evalkit.modes.coding.edits import RefusedEdit

FILES = {"x": b"a\nb\nc\na\n"}
POLICY = EditPolicy(("*",), FILES.keys())
HEAD = "--- a/x\n+++ b/x\n"


def apply(diff: str, *, lenient: bool = True) -> AppliedDiff | RefusedEdit:
    return apply_diff(diff, FILES, POLICY, ["x"], lenient=lenient)


def test_a_hunk_without_context_is_not_put_at_the_end() -> None:
    """Where git would put it, at level 0 and without a word."""
    assert apply(f"{HEAD}@@ -1 +1 @@\n-a\n+z\n") == AppliedDiff({"x": b"z\nb\nc\na\n"}, 2)


def test_changes_beyond_the_counts_are_not_left_out() -> None:
    """Git would leave them out, at level 0 and without a word."""
    found = apply(f"{HEAD}@@ -1,2 +1,2 @@\n a\n-b\n+y\n-c\n+z\n a\n")
    assert found == AppliedDiff({"x": b"a\ny\nz\na\n"}, 1)


@pytest.mark.parametrize("names", ["a/x b/x", "x x", "old/x new/x"])
def test_names_with_and_without_prefix_apply_as_written(names: str) -> None:
    """As long as all are of one kind."""
    old, new = names.split()
    hunk = "@@ -1,3 +1,3 @@\n a\n-b\n+y\n c\n"
    assert apply(f"--- {old}\n+++ {new}\n{hunk}", lenient=False) == AppliedDiff({"x": b"a\ny\nc\na\n"}, 0)
    mixed = apply(f"--- a/x\n+++ x\n{hunk}")
    assert isinstance(mixed, AppliedDiff)
    assert mixed.level == 2


def test_the_reason_says_what_does_not_fit_and_where() -> None:
    """For who reads the results."""
    found = apply(f"{HEAD}@@ -1 +1 @@\n-q\n+z\n")
    assert isinstance(found, RefusedEdit)
    assert found.reason == "x: its old lines do not stand in the file"
