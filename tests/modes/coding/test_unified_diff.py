"""Diffs are read without guessing: claims stay claims, and every name is seen."""

from __future__ import annotations

from evalkit.modes.coding.unified_diff import DiffLine, file_name, read_sections


def test_sections_hunks_and_claims() -> None:
    """Two files, one with a bare hunk."""
    first, second = read_sections(
        "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@ def\n a\n-b\n+c\n"
        "--- y\n+++ y\n@@\n+d\n"
    )
    assert (first.git_names, first.old, first.new, first.extended) == (
        ("a/x", "b/x"),
        "a/x",
        "b/x",
        ["index 1..2 100644"],
    )
    assert (first.hunks[0].start, first.hunks[0].old) == (3, ("a", "b"))
    assert (second.old, second.hunks[0].start, second.hunks[0].lines) == ("y", None, (DiffLine("+", "d"),))


def test_removed_dashes_are_no_header() -> None:
    """A removed SQL comment and an added C increment look like one."""
    (section,) = read_sections("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n--- old\n+++ i;\n a\n b\n")
    assert [line.text for line in section.hunks[0].lines] == ["-- old", "++ i;", "a", "b"]
    (last,) = read_sections("--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old\n+++ i;\n@@ -9 +9 @@\n-a\n+b\n")
    assert [hunk.old for hunk in last.hunks] == [("-- old",), ("a",)]


def test_a_header_ends_a_hunk_that_claims_too_much() -> None:
    """The next file is not swallowed."""
    sections = read_sections("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-a\n+b\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-c\n+d\n")
    assert [section.new for section in sections] == ["b/x", "b/y"]


def test_the_end_of_the_file_and_of_a_mail() -> None:
    """The remark on it belongs to the line before; a signature belongs to nothing."""
    (section,) = read_sections("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n-- \n2.39.5\n")
    assert section.hunks[0].lines == (DiffLine("-", "a"), DiffLine("+", "b", ends=False))


def test_names_as_git_and_diff_write_them() -> None:
    """Quotes and escapes undone, time stamps left out, spaces kept."""
    assert file_name('"b/caf\\303\\251 \\"x\\".py"') == 'b/café "x".py'
    assert file_name("a/my file.py\t2024-01-01 00:00:00") == "a/my file.py"
    assert file_name("a/x.py 2024-01-01 00:00:00.000 +0000") == "a/x.py"
    (section,) = read_sections("diff --git a/my file b/my file\nrename from my file\nrename to ../your file\n")
    assert list(section.names()) == ["a/my file", "b/my file", "my file", "../your file"]
    (quoted,) = read_sections('diff --git "a/\\056git" b/x\nnew file mode 100644\n')
    assert quoted.git_names == ("a/.git", "b/x")
    assert (quoted.creates, quoted.deletes) == (True, False)
