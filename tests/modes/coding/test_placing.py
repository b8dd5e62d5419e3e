"""Hunks go where their old lines stand and nowhere else."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.edits import Leniency
from evalkit.modes.coding.placing import NoPlaceError, Reindent, apply_hunks
from evalkit.modes.coding.text_lines import TextLines
from evalkit.modes.coding.unified_diff import Hunk, read_sections

FILE = TextLines.read(b"def f():\n    a()\n    b()\n\ndef g():\n    a()\n    c()\n")


def hunks(body: str) -> list[Hunk]:
    return read_sections(f"--- a/x\n+++ b/x\n{body}")[0].hunks


def result(body: str, level: int = Leniency.BY_CONTEXT) -> str:
    return apply_hunks(FILE, hunks(body), level).write().decode()


def test_several_hunks_are_looked_for_in_the_file_as_it_is() -> None:
    """In any order."""
    found = result("@@\n-    c()\n+    e()\n@@\n-    b()\n+    d()\n")
    assert found == "def f():\n    a()\n    d()\n\ndef g():\n    a()\n    e()\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("@@\n-    a()\n+    z()\n", "several places"),
        ("@@ -3 +3 @@\n-    a()\n+    z()\n", "several places"),
        ("@@\n-    z()\n+    a()\n", "do not stand in the file"),
        ("@@ -2,0 +3 @@\n+    z()\n", "no old line"),
        ("@@\n \n+z()\n", "no old line"),
        ("@@\n def f():\n-    a()\n@@\n-    a()\n-    b()\n", "another hunk"),
    ],
)
def test_a_hunk_without_one_place_is_refused(body: str, reason: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(NoPlaceError, match=reason):
        result(body)


def test_empty_lines_at_the_edges_come_from_the_text_around() -> None:
    """They are left out where they do not fit, at either end."""
    expected = FILE.write().decode().replace("b()", "d()")
    for body in (
        "@@\n-    b()\n+    d()\n\n\n",
        "@@\n\n-    b()\n+    d()\n \n",
        "@@ -2,3 +2,3 @@\n\n-    b()\n+    d()\n",
    ):
        assert result(body) == expected


def test_context_keeps_the_white_space_of_the_file() -> None:
    """Only new lines come from the diff."""
    found = result("@@\n def   f( ):\n     a( )\n-    b( )\n+    d()\n", Leniency.BY_WORDS)
    assert found == FILE.write().decode().replace("b()", "d()")


def test_the_newline_at_the_end_follows_the_hunk_else_the_file() -> None:
    """A model that forgets the remark does not add one."""
    file = TextLines.read(b"a\nb")
    marked = "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+c\n"
    assert apply_hunks(file, hunks("@@\n-b\n+c\n"), 2).write() == b"a\nc"
    assert apply_hunks(file, hunks(marked), 2).write() == b"a\nc\n"
    assert apply_hunks(file, hunks(f"{marked}\\ No newline at end of file\n"), 2).write() == b"a\nc"


@pytest.mark.parametrize(
    ("pairs", "line", "expected"),
    [
        ([("  ", "    ")], "  x", "    x"),
        ([("", "  "), ("  ", "    ")], "    x", "      x"),
        ([("    ", ""), ("        ", "    ")], "            x", "        x"),
        ([("    ", "\t"), ("        ", "\t\t")], "            x", "\t\t\tx"),
        ([("\t", "    ")], "\t\tx", "        x"),
        ([("", ""), ("  ", "    ")], "    x", "        x"),
        ([("  ", "    ")], "    x", None),
        ([("    ", "")], "  x", None),
        ([("   ", "\t")], "    x", None),
        ([("a"[:0], "")], "  x", "  x"),
    ],
)
def test_the_indentation_of_new_lines_follows_from_old_ones(
    pairs: list[tuple[str, str]], line: str, expected: str | None
) -> None:
    """All deeper by the same, tabs for spaces, twice as wide; refused where it can be either."""
    reindent = Reindent(tuple(pairs))
    if expected is None:
        with pytest.raises(NoPlaceError):
            reindent.of(line)
    else:
        assert reindent.of(line) == expected
