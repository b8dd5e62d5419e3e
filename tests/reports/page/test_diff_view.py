"""A diff side by side: each line once, where it was and where it is."""

from __future__ import annotations

from coding_tasks import ORACLE

from evalkit.reports.page.diff_view import DiffRow, lay_side_by_side


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


def test_files_may_begin_with_their_names_alone() -> None:
    """As a diff of two folders has it; what cannot be shown as text, and what was cut, is said."""
    diff = (
        "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file\n"
        "--- a/old.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n--- x\n-two\n"
        "# picture.png: nothing -> a file of 7 bytes\n"
        "--- a/both.txt\n+++ b/both.txt\n@@ -1 +1 @@\n-a\n+++ b\n... and more\n"
    )
    assert lay_side_by_side(diff) == [
        DiffRow("title", left="new.txt"),
        DiffRow("changed", None, None, 1, "one"),
        DiffRow("title", left="old.txt (removed)"),
        DiffRow("changed", 1, "-- x", None, None),
        DiffRow("changed", 2, "two", None, None),
        DiffRow("title", left="picture.png: nothing -> a file of 7 bytes"),
        DiffRow("title", left="both.txt"),
        DiffRow("changed", 1, "a", 1, "++ b"),
        DiffRow("title", left="and more"),
    ]


def test_what_nobody_would_see_is_shown() -> None:
    """A mark that turns the direction cannot make a line look like another one."""
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+a\u202e\x1b[2J\x0cb\r\n"
    assert lay_side_by_side(diff)[1] == DiffRow("changed", 1, "a", 1, "a⟨U+202E⟩␛[2J␌b")
