"""One diff of what changed, that git takes."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.canonical_diff import canonical_diff, opcodes
from evalkit.modes.coding.git_apply import git_apply


def test_changed_new_and_gone_files() -> None:
    """In order of their paths, in git's form."""
    before = {"b": b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "c": b"x", "same": b"y\n"}
    after = {"b": b"1\n2\n3\n4\n5\n6\n7\n8\nnine\n", "a b": b"new\n", "same": b"y\n", "empty": b""}
    diff = canonical_diff(before, after)
    assert diff == (
        "diff --git a/a b b/a b\nnew file mode 100644\n--- /dev/null\n+++ b/a b\t\n@@ -0,0 +1 @@\n+new\n"
        "diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+nine\n"
        "diff --git a/c b/c\ndeleted file mode 100644\n--- a/c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "\\ No newline at end of file\n"
        "diff --git a/empty b/empty\nnew file mode 100644\n"
    )
    assert git_apply(before, diff, recount=False, strip=1) == after
    assert canonical_diff(before, before) == ""


@pytest.mark.timeout(60)
def test_files_that_share_nothing_are_one_block() -> None:
    """Comparing every line with every other would take for ever."""
    old, new = ["a", *(str(n % 7) for n in range(50_000)), "z"], ["a", *(str(n % 11) for n in range(50_000)), "z"]
    assert [code[0] for code in opcodes(old, new)] == ["equal", "replace", "equal"]
