"""Which paths are touched and which may be, before anything is applied."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.edit_policy import EditPolicy, find_target, first_refusal, plain_path, refuse_section
from evalkit.modes.coding.edits import Refusal, RefusedEdit
from evalkit.modes.coding.unified_diff import read_sections

POLICY = EditPolicy(("src/*.py", "docs/**"), ("src/x.py", "tests/t.py", "docs/a/b.md"))


@pytest.mark.parametrize("path", ["src/x.py", "src/new.py", "docs/a/c/d.md"])
def test_what_a_glob_names_may_be_touched(path: str) -> None:
    """Files that are there, and new ones."""
    assert POLICY.refuse(path, creates=True) is None


@pytest.mark.parametrize(
    ("path", "creates", "status"),
    [
        ("tests/t.py", False, Refusal.PROTECTED_PATH),
        ("tests/new.py", True, Refusal.PROTECTED_PATH),
        ("src/deep/x.py", True, Refusal.PROTECTED_PATH),
        ("tests/new.py", False, Refusal.INVALID_PATCH),
        ("docs/a", True, Refusal.INVALID_PATCH),
        ("docs/a/b.md/c", True, Refusal.INVALID_PATCH),
        ("docs/../src/x.py", True, Refusal.INVALID_PATCH),
        ("docs/~/.git /x", True, Refusal.INVALID_PATCH),
        ("docs/" + "x" * 300, True, Refusal.INVALID_PATCH),
    ],
)
def test_what_no_glob_names_is_refused(path: str, creates: bool, status: Refusal) -> None:
    """A file of the task is protected; a path that cannot be is invalid."""
    found = POLICY.refuse(path, creates=creates)
    assert found is not None
    assert found.status is status


def test_a_protected_path_counts_before_all_else() -> None:
    """What a model did to the tests is the finding, not the typo beside it."""
    invalid, protected = RefusedEdit(Refusal.INVALID_PATCH, "a"), RefusedEdit(Refusal.PROTECTED_PATH, "b")
    assert first_refusal(iter([None, invalid, protected])) == protected
    assert first_refusal(iter([None, invalid])) == invalid
    assert first_refusal(iter([None])) is None


def test_prefixes_are_told_by_the_files_that_are_there() -> None:
    """Whatever the tool called them; a folder that is really called ``a`` is none."""
    present = ("src/x.py", "a/y.py")
    names = {"a/src/x.py": "src/x.py", "new/src/x.py": "src/x.py", "src/x.py": "src/x.py", "./src/x.py": "src/x.py"}
    names |= {
        "a/y.py": "a/y.py",
        "a/a/y.py": "a/y.py",
        "b/z.py": "z.py",
        "/src/x.py": "/src/x.py",
        "lib/z.py": "lib/z.py",
    }
    assert {name: plain_path(name, present) for name in names} == names


def test_every_name_of_a_section_is_looked_at() -> None:
    """Also those that its target does not follow from."""
    text = "diff --git a/tests/t.py b/src/x.py\n--- a/src/x.py\n+++ b/src/x.py\n@@ -1 +1 @@\n-a\n+b\n"
    (section,) = read_sections(text)
    target = find_target(section, POLICY.present, None)
    assert target == "src/x.py"
    refused = first_refusal(refuse_section(section, target, POLICY))
    assert refused is not None
    assert refused.status is Refusal.PROTECTED_PATH


def test_a_section_without_names_is_of_the_only_file() -> None:
    """Or of none."""
    (section,) = read_sections("@@ -1 +1 @@\n-a\n+b\n")
    assert find_target(section, POLICY.present, "src/x.py") == "src/x.py"
    assert find_target(section, POLICY.present, None) is None
