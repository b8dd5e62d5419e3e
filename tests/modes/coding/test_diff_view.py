"""A diff side by side: each line once, where it was and where it is."""

from __future__ import annotations

from coding_tasks import ORACLE

from evalkit.modes.coding.diff_view import DiffRow, lay_side_by_side


def test_removed_stands_beside_added() -> None:
    """With the numbers of both files."""
    rows = lay_side_by_side(ORACLE)
    assert rows[0] == DiffRow("title", left="doubling.py")
    assert rows[1] == DiffRow("same", 1, "def double(number):", 1, "def double(number):")
    assert rows[2] == DiffRow("changed", 2, "    return number + number + 1", 2, "    return number + number")
    assert rows[-1] == DiffRow("same", 5, "def name():", 5, "def name():")


def test_more_added_than_removed_leaves_one_side_empty() -> None:
    """And the numbers go on."""
    diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n-a\n+b\n+--c\n d\n@@ -9 +10 @@\n-e\n"
    assert lay_side_by_side(diff)[1:] == [
        DiffRow("changed", 1, "a", 1, "b"),
        DiffRow("changed", None, None, 2, "--c"),
        DiffRow("same", 2, "d", 3, "d"),
        DiffRow("title", left="…"),
        DiffRow("changed", 9, "e", None, None),
    ]


def test_a_very_long_diff_is_cut() -> None:
    """A page stays a page."""
    diff = "diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,1000 @@\n" + "+line\n" * 1000
    rows = lay_side_by_side(diff)
    assert len(rows) == 401
    assert rows[-1].left == "and 601 rows more in the file"


def test_no_diff_is_no_row() -> None:
    """Where an answer changes nothing."""
    assert lay_side_by_side("") == []
