"""Diffs of tasks are applied exactly, or not at all."""

from __future__ import annotations

import pytest

from evalkit.errors import DataError
from evalkit.service.brain.solvers.task_diffs import apply_diff

FILES = {"a": "1\n2\n3\n4\n5\n6\n7\n8\n9", "b": "x\n"}


def test_a_diff_of_several_files() -> None:
    """Changed in two places, made and taken away; with and without a newline at the end."""
    diff = (
        "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n-1\n+one\n+more\n 2\n"
        "@@ -8,2 +9,2 @@ 7\n 8\n-9\n\\ No newline at end of file\n+nine\n"
        "diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/c b/c\nnew file mode 100644\n--- /dev/null\n+++ b/c\n@@ -0,0 +1,2 @@\n+y\n+z\n"
        "\\ No newline at end of file\n"
    )
    assert apply_diff(FILES, diff) == {"a": "one\nmore\n2\n3\n4\n5\n6\n7\n8\nnine\n", "c": "y\nz"}
    assert FILES["b"] == "x\n"


def test_lines_that_look_like_headers_are_lines() -> None:
    """A removed ``-- x`` and an added ``++ y``."""
    assert apply_diff({"a": "-- x\n"}, "--- a/a\n+++ b/a\n@@ -1 +1 @@\n--- x\n+++ y\n") == {"a": "++ y\n"}


def test_a_diff_that_does_not_fit_is_refused() -> None:
    """An author's mistake is not guessed around."""
    with pytest.raises(DataError, match="b: the diff does not fit at line 1"):
        apply_diff(FILES, "--- a/b\n+++ b/b\n@@ -1 +1 @@\n-y\n+z\n")
