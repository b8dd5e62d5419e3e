"""The ladder as a whole: each malformed diff at its level, attacks refused, and never any other content."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.modes.coding.canonical_diff import canonical_diff
from evalkit.modes.coding.edits import (
    AppliedEdit,
    DiffEdit,
    Leniency,
    Refusal,
    RefusedEdit,
    SearchBlock,
    SearchEdit,
    WholeEdit,
)
from evalkit.modes.coding.git_apply import git_apply
from evalkit.modes.coding.patch import apply_edit, editable_files

CALC = """\
import math


def add(a, b):
    total = a - b
    return total


def area(radius):
    if radius < 0:
        raise ValueError(radius)

    square = radius * radius
    return math.pi * square


def double(number):
    return number + number
"""
FIXED = CALC.replace("total = a - b", "total = a + b")
FILES: Mapping[str, bytes] = {
    "src/calc.py": CALC.encode(),
    "tests/test_calc.py": b"import calc\n",
    "setup.cfg": b"[x]\n",
}
EDITABLE = ("src/**",)
HEAD = "--- a/src/calc.py\n+++ b/src/calc.py\n"
BODY = " \n \n def add(a, b):\n-    total = a - b\n+    total = a + b\n     return total\n \n \n"
STAMPED = "--- a/src/calc.py\t2024-01-01 00:00:00\n+++ b/src/calc.py\t2024-01-02 00:00:00\n"
TIGHT = " def add(a, b):\n-    total = a - b\n+    total = a + b\n     return total\n"


def applied(edit: DiffEdit | WholeEdit | SearchEdit, *, lenient: bool = True) -> AppliedEdit | RefusedEdit:
    return apply_edit(edit, FILES, EDITABLE, lenient=lenient)


MALFORMED = {
    "right": (f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}", 0),
    "wrong counts": (f"{HEAD}@@ -2,9 +2,12 @@\n{BODY}", 1),
    "counts that are too small": (f"{HEAD}@@ -2,3 +2,3 @@\n{BODY}", 1),
    "shifted line numbers": (f"{HEAD}@@ -9,7 +9,7 @@\n{BODY}", 0),
    "bare @@": (f"{HEAD}@@\n{BODY}", 2),
    "@@ ... @@": (f"{HEAD}@@ ... @@\n{BODY}", 2),
    "@@ with words": (f"{HEAD}@@ def add(a, b): @@\n{BODY}", 2),
    "trimmed end": (f"{HEAD}@@ -2,7 +2,7 @@\n{BODY.removesuffix(chr(10) + ' ' + chr(10) + ' ' + chr(10))}", 2),
    "CRLF": (f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}".replace("\n", "\r\n"), 2),
    "empty context lines without their space": (f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}".replace("\n \n", "\n\n"), 0),
    "no prefix": (f"--- src/calc.py\n+++ src/calc.py\n@@ -2,7 +2,7 @@\n{BODY}", 0),
    "another prefix": (f"--- old/src/calc.py\n+++ new/src/calc.py\n@@ -2,7 +2,7 @@\n{BODY}", 0),
    "no file header": (f"@@ -2,7 +2,7 @@\n{BODY}", 2),
    "no context": (f"{HEAD}@@ -5 +5 @@\n-    total = a - b\n+    total = a + b\n", 2),
    "less context": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT}", 0),
    "other indentation": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT}".replace("    ", "  "), 3),
    "no indentation": (f"{HEAD}@@ -5,2 +5,2 @@\n-total = a - b\n+total = a + b\n return total\n", 3),
    "white space inside": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT.replace('(a, b)', '(a,b)')}", 3),
    "white space at the end": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT.replace('def add(a, b):', 'def add(a, b):  ')}", 3),
    "context lines without their space": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT.replace(' def', 'def')}", 2),
    "git's header and time stamps": (
        f"diff --git a/src/calc.py b/src/calc.py\nindex 1111111..2222222 100644\n{STAMPED}@@ -2,7 +2,7 @@ x\n{BODY}",
        0,
    ),
    "a mail around it": (f"Subject: fix\n---\n src/calc.py | 2 +-\n\n{HEAD}@@ -2,7 +2,7 @@\n{BODY}-- \n2.39.5\n", 0),
    "no newline behind the last line": (f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT}"[:-1], 2),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_diff_gives_the_right_content_at_its_level(name: str) -> None:
    """What a model meant is applied, and how much had to be overlooked is told."""
    diff, level = MALFORMED[name]
    found = applied(DiffEdit(diff))
    assert isinstance(found, AppliedEdit), found
    assert found.files["src/calc.py"].decode() == FIXED
    assert found.level == level


@pytest.mark.parametrize("name", MALFORMED)
def test_strict_takes_what_git_takes_as_it_is(name: str) -> None:
    """Level 0 and nothing else, with the same content."""
    diff, level = MALFORMED[name]
    found = applied(DiffEdit(diff), lenient=False)
    if level == Leniency.AS_WRITTEN:
        assert found == applied(DiffEdit(diff))
    else:
        assert isinstance(found, RefusedEdit)
        assert found.status is Refusal.INVALID_PATCH


WRONG = {
    "lines that are not there": f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT.replace('a - b', 'a * b')}",
    "wrong context": f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT.replace('return total', 'return result')}",
    "lines that stand twice": f"{HEAD}@@\n \n \n+import os\n",
    "no old line at all": f"{HEAD}@@ -5,0 +6,1 @@\n+    total += 1\n",
    "an unknown file": f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT}".replace("calc.py", "sums.py"),
    "a file that is there made anew": "--- /dev/null\n+++ b/src/calc.py\n@@ -0,0 +1 @@\n+x = 1\n",
    "a file taken away with other lines": "--- a/src/calc.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import maths\n",
    "two hunks of the same lines": f"{HEAD}@@ -4,3 +4,3 @@\n{TIGHT}@@ -4,3 +4,3 @@\n{TIGHT.replace('a + b', 'b + a')}",
    "only headers": HEAD,
    "nothing of a diff": "def add(a, b):\n    return a + b\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name: str) -> None:
    """A reason, and no content that nobody meant."""
    found = applied(DiffEdit(WRONG[name]))
    assert isinstance(found, RefusedEdit), found
    assert found.status is Refusal.INVALID_PATCH
    assert found.reason


def test_old_lines_in_several_places_go_where_the_header_says() -> None:
    """A header's number decides between places that fit exactly, and never moves a hunk to the nearest of them."""
    files = {"a.py": b"x = 1\ny = 2\nx = 1\nz = 3\nx = 1\n"}
    body = "-x = 1\n+x = 5\n"
    found = apply_edit(DiffEdit(f"--- a/a.py\n+++ b/a.py\n@@ -3 +3 @@\n{body}"), files, ("*.py",))
    assert isinstance(found, AppliedEdit)
    assert found.files["a.py"] == b"x = 1\ny = 2\nx = 5\nz = 3\nx = 1\n"
    for start in (2, 4, 100):
        moved = apply_edit(DiffEdit(f"--- a/a.py\n+++ b/a.py\n@@ -{start} +{start} @@\n{body}"), files, ("*.py",))
        assert isinstance(moved, RefusedEdit), start


def test_two_blocks_of_one_file_are_applied_one_after_the_other() -> None:
    """Models often write a diff for each function."""
    other = "@@ -17,2 +17,2 @@\n def double(number):\n-    return number + number\n+    return 2 * number\n"
    found = applied(DiffEdit(f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}{HEAD}{other}"))
    assert isinstance(found, AppliedEdit)
    assert found.files["src/calc.py"].decode() == FIXED.replace("number + number", "2 * number")


def test_a_file_may_be_made_and_taken_away_where_patches_may_write() -> None:
    """A new file beside the old ones; another one gone."""
    made = applied(DiffEdit("--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n"))
    assert isinstance(made, AppliedEdit)
    assert (made.files["src/new.py"], made.level) == (b"x = 1\ny = 2\n", 0)
    everything = "".join(f"-{line}\n" for line in CALC.splitlines())
    gone = applied(DiffEdit(f"--- a/src/calc.py\n+++ /dev/null\n@@ -1,19 +0,0 @@\n{everything}"))
    assert isinstance(gone, AppliedEdit)
    assert "src/calc.py" not in gone.files
    bare = applied(DiffEdit("--- /dev/null\n+++ b/src/new.py\n@@\n+x = 1\n"))
    assert isinstance(bare, AppliedEdit)
    assert (bare.files["src/new.py"], bare.level) == (b"x = 1\n", 2)


CONFIG = "--- a/setup.cfg\n+++ b/setup.cfg\n@@ -1 +1 @@\n-[x]\n+[y]\n"
RENAME = "similarity index 100%\nrename from {}\nrename to {}\n"
PROTECTED = {
    "a test changed": "--- a/tests/test_calc.py\n+++ b/tests/test_calc.py\n@@ -1 +1 @@\n-import calc\n+import os\n",
    "a test taken away": "--- a/tests/test_calc.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import calc\n",
    "a test made": "--- /dev/null\n+++ b/tests/conftest.py\n@@ -0,0 +1 @@\n+import os\n",
    "behind a right change": f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}{CONFIG}",
    "before a wrong one": CONFIG + WRONG["wrong context"],
    "with context that is wrong": "--- a/setup.cfg\n+++ b/setup.cfg\n@@ -1 +1 @@\n-[z]\n+[y]\n",
    "renamed away": "diff --git a/tests/test_calc.py b/src/t.py\n" + RENAME.format("tests/test_calc.py", "src/t.py"),
    "copied out": "diff --git a/setup.cfg b/src/s.py\nsimilarity index 100%\ncopy from setup.cfg\ncopy to src/s.py\n",
    "under the name of another file": "diff --git a/src/calc.py b/src/calc.py\n--- a/setup.cfg\n+++ b/setup.cfg\n"
    "@@ -1 +1 @@\n-[x]\n+[y]\n",
    "in quotes": '--- "a/setup\\056cfg"\n+++ "b/setup\\056cfg"\n@@ -1 +1 @@\n-[x]\n+[y]\n',
    "by its mode": "diff --git a/setup.cfg b/setup.cfg\nold mode 100644\nnew mode 100755\n",
}  # fmt: skip


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize("lenient", [True, False])
def test_a_protected_file_is_a_status_of_its_own(name: str, lenient: bool) -> None:
    """However it is touched, and whatever else is wrong with the patch."""
    found = applied(DiffEdit(PROTECTED[name]), lenient=lenient)
    assert isinstance(found, RefusedEdit), found
    assert found.status is Refusal.PROTECTED_PATH, found


def _make(path: str, mode: str = "100644", content: str = "x") -> str:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{content}\n"
    )


ATTACKS = {
    "out of the workspace": _make("../escape.py"),
    "out of the workspace from inside": _make("src/../../escape.py"),
    "absolute": "--- /dev/null\n+++ /tmp/escape.py\n@@ -0,0 +1 @@\n+x\n",
    "absolute behind a prefix": "--- /dev/null\n+++ b//tmp/escape.py\n@@ -0,0 +1 @@\n+x\n",
    "a link": _make("src/link", "120000", "/etc/passwd") + "\\ No newline at end of file\n",
    "a link, then through it": _make("src/link", "120000", "/tmp") + _make("src/link/escape.py"),
    "a submodule": _make("src/sub", "160000", "Subproject commit 1111111111111111111111111111111111111111"),
    "a program": _make("src/run.sh", "100755"),
    "a hook": _make(".git/hooks/post-checkout"),
    "a hook where patches may write": _make("src/.git/hooks/post-checkout"),
    "a hook in capitals": _make("src/.GIT/config"),
    "a hook in quotes": '--- /dev/null\n+++ "b/src/.\\147it/config"\n@@ -0,0 +1 @@\n+x\n',
    "a line break in a name": '--- /dev/null\n+++ "b/src/a\\nb.py"\n@@ -0,0 +1 @@\n+x\n',
    "backslashes": "--- /dev/null\n+++ b/src\\..\\..\\x.py\n@@ -0,0 +1 @@\n+x\n",
    "a drive": "--- /dev/null\n+++ C:/x.py\n@@ -0,0 +1 @@\n+x\n",
    "/dev/null twice": "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n",
    "a device": "--- /dev/null\n+++ b//dev/null\n@@ -0,0 +1 @@\n+x\n",
    "a rename": "diff --git a/src/calc.py b/src/sums.py\n" + RENAME.format("src/calc.py", "src/sums.py"),
    "a rename out": "diff --git a/src/calc.py b/../x\nsimilarity index 100%\nrename from src/calc.py\nrename to ../x\n",
    "a copy": "diff --git a/src/calc.py b/src/c.py\nsimilarity index 100%\ncopy from src/calc.py\ncopy to src/c.py\n",
    "a mode": "diff --git a/src/calc.py b/src/calc.py\nold mode 100644\nnew mode 100755\n",
    "a mode behind a change": f"diff --git a/src/calc.py b/src/calc.py\nold mode 100644\nnew mode 120000\n{HEAD}"
    f"@@ -2,7 +2,7 @@\n{BODY}",
    "binary": "diff --git a/src/x.bin b/src/x.bin\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\n"
    "literal 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n",
    "binary in words": "diff --git a/src/x.bin b/src/x.bin\nBinary files /dev/null and b/src/x.bin differ\n",
    "a NUL": f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}".replace("a + b", "a + b\x00"),
    "half a character": f"{HEAD}@@ -2,7 +2,7 @@\n{BODY}".replace("a + b", "a + b  # \ud800"),
    "a folder": _make("src"),
    "inside a file": _make("src/calc.py/x.py"),
    "where evalkit builds": _make("evalkit_box/main.go"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("editable", [("src/**",), ("**",)])
def test_an_attack_is_refused(name: str, editable: tuple[str, ...]) -> None:
    """No link, no mode, no way out, whatever the task lets patches change."""
    for lenient in (True, False):
        found = apply_edit(DiffEdit(ATTACKS[name]), FILES, editable, lenient=lenient)
        assert isinstance(found, RefusedEdit), found
        if editable == ("**",):
            assert found.status is Refusal.INVALID_PATCH


@pytest.mark.parametrize("path", ["../x.py", "/tmp/x.py", ".git/config", "src/.git/x", "src/a\x00b", "src/./x.py", ""])
def test_no_format_leaves_the_workspace(path: str) -> None:
    """The same policy holds for whole files and for blocks."""
    for edit in (WholeEdit({path: "x\n"}), SearchEdit((SearchBlock(path, (), ("x",)),))):
        assert isinstance(apply_edit(edit, FILES, ("**",)), RefusedEdit)


def test_whole_files_and_their_protection() -> None:
    """A file is replaced or made; a protected one is a status of its own."""
    found = applied(WholeEdit({"src/calc.py": FIXED, "src/new.py": "x = 1\n"}))
    assert isinstance(found, AppliedEdit)
    assert (found.files["src/calc.py"].decode(), found.files["src/new.py"], found.level) == (FIXED, b"x = 1\n", 0)
    assert list(found.files) == sorted(found.files)
    refused = applied(WholeEdit({"src/calc.py": FIXED, "tests/test_calc.py": ""}))
    assert isinstance(refused, RefusedEdit)
    assert refused.status is Refusal.PROTECTED_PATH


def test_an_edit_without_effect_is_applied_and_has_no_diff() -> None:
    """That a solution does nothing is for the calls to find out."""
    found = applied(WholeEdit({"src/calc.py": CALC}))
    assert isinstance(found, AppliedEdit)
    assert (found.files, found.diff) == (FILES, "")


def _block(search: str, replace: str, path: str = "src/calc.py") -> SearchEdit:
    return SearchEdit((SearchBlock(path, tuple(search.splitlines()), tuple(replace.splitlines())),))


@pytest.mark.parametrize(
    ("search", "replace", "level"),
    [
        ("    total = a - b", "    total = a + b", 0),
        ("def add(a, b):\n    total = a - b", "def add(a, b):\n    total = a + b", 0),
        ("total = a - b", "total = a + b", 3),
        ("def add(a,b):\n  total = a - b", "def add(a,b):\n  total = a + b", 3),
        ("\n    total = a - b\n    return total\n\n", "\n    total = a + b\n    return total\n\n", 3),
    ],
)
def test_search_and_replace_fit_exactly_or_by_words(search: str, replace: str, level: int) -> None:
    """Lines that a block only repeats stay as the file has them; strict asks for the exact ones."""
    found = applied(_block(search, replace))
    assert isinstance(found, AppliedEdit), found
    assert (found.files["src/calc.py"].decode(), found.level) == (FIXED, level)
    assert isinstance(applied(_block(search, replace), lenient=False), AppliedEdit if level == 0 else RefusedEdit)


def test_blocks_that_do_not_fit_are_refused() -> None:
    """Lines that stand twice or nowhere, a file that is not there, a file that is there already."""
    for edit in (
        _block("\n\n", "import os"),
        _block("", "x = 1"),
        _block("total = a * b", "x"),
        _block("x", "y", "src/other.py"),
    ):
        found = applied(edit)
        assert isinstance(found, RefusedEdit)
        assert found.status is Refusal.INVALID_PATCH
        assert "block 1" in found.reason or "no file" in found.reason
    made = applied(_block("", "x = 1", "src/new.py"))
    assert isinstance(made, AppliedEdit)
    assert made.files["src/new.py"] == b"x = 1\n"


def test_a_block_with_nothing_in_its_place_takes_lines_away() -> None:
    """Deleting is replacing by nothing."""
    found = applied(_block("def double(number):\n    return number + number", ""))
    assert isinstance(found, AppliedEdit)
    assert found.files["src/calc.py"].decode() == CALC.removesuffix("def double(number):\n    return number + number\n")


def test_a_file_with_carriage_returns_keeps_them() -> None:
    """A model that saw such a file answers with plain lines."""
    files = {"a.txt": b"one\r\ntwo\r\nthree\r\n"}
    diff = DiffEdit("--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n")
    found = apply_edit(diff, files, ("*.txt",))
    assert isinstance(found, AppliedEdit)
    assert (found.files["a.txt"], found.level) == (b"one\r\n2\r\nthree\r\n", 2)
    block = apply_edit(SearchEdit((SearchBlock("a.txt", ("two",), ("2",)),)), files, ("*.txt",))
    assert isinstance(block, AppliedEdit)
    assert block.files == found.files


def test_an_edit_of_absurd_size_is_refused() -> None:
    """Not applied for minutes: a sentence on what is too much."""
    many = "".join(f"{HEAD}@@ -1 +1 @@\n-a{number}\n+b\n" for number in range(1001))
    for edit in (DiffEdit(many), WholeEdit({"src/calc.py": "x\n" * 1_100_000})):
        found = applied(edit)
        assert isinstance(found, RefusedEdit)
        assert "more than" in found.reason


def test_the_files_that_may_be_changed_are_told() -> None:
    """By the globs of the task."""
    assert editable_files(FILES.keys(), ("src/*.py", "*.cfg")) == ["setup.cfg", "src/calc.py"]


LINES = st.lists(st.sampled_from(["a", "b", "  a", "\tb", "", "}", "c d", "é", "+x", "-- y", "@@ z"]), max_size=30)


def content(lines: list[str], *, ends: bool) -> bytes:
    text = "\n".join(lines)
    return (text + "\n" if ends and lines else text).encode()


@settings(max_examples=150, deadline=None)
@given(old=LINES, new=LINES, old_ends=st.booleans(), new_ends=st.booleans())
def test_a_right_diff_applies_as_written(old: list[str], new: list[str], old_ends: bool, new_ends: bool) -> None:
    """Whatever is edited: level 0, and exactly the edited file."""
    before, after = {"f.txt": content(old, ends=old_ends)}, {"f.txt": content(new, ends=new_ends)}
    diff = canonical_diff(before, after)
    if diff:
        found = apply_edit(DiffEdit(diff), before, ("*.txt",))
        assert isinstance(found, AppliedEdit), found
        assert (found.files, found.level) == (after, 0)
        assert found.diff == diff
        assert git_apply(before, diff, recount=False, strip=1) == after


def damage(diff: str, chance: random.Random) -> str:
    """Return a diff with one damage of those that models do, and none that makes it a right diff of something else."""
    lines = diff.split("\n")
    hunks = [place for place, line in enumerate(lines) if line.startswith("@@")]
    place = chance.choice(hunks)
    kind = chance.randrange(6)
    if kind == 0:
        lines[place] = "@@"
    elif kind == 1:
        lines[place] = f"@@ -{chance.randrange(900, 999)},7 +1,7 @@"
    elif kind == 2:
        old, new = chance.randrange(1, 9), chance.randrange(1, 9)
        start = lines[place].split(",")[0].split(" ")[1]
        lines[place] = f"@@ {start},{old} +1,{new} @@"
    elif kind == 3:
        lines = [line.replace("\t", "    ").replace("  ", " ") if line[:1] == " " else line for line in lines]
    elif kind == 4:
        lines = [f"{line}\r" for line in lines]
    else:
        lines = [line if line.strip() else "" for line in lines]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(200))
def test_a_damaged_diff_gives_the_right_content_or_is_refused(seed: int) -> None:
    """Never a third thing: no hunk in the wrong place, none left out."""
    chance = random.Random(seed)
    pool = ["x = 1", "y = 2", "    return x", "}", "", *(f"line {number}" for number in range(20))]
    old = [chance.choice(pool) for _ in range(chance.randrange(3, 40))]
    new = list(old)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(new))
        new[at : at + chance.randrange(2)] = [f"new {chance.randrange(99)}"]
    before, after = {"f.txt": content(old, ends=True)}, {"f.txt": content(new, ends=True)}
    diff = canonical_diff(before, after)
    found = apply_edit(DiffEdit(damage(diff, chance)), before, ("*.txt",))
    if isinstance(found, AppliedEdit):
        assert found.files["f.txt"].decode().replace("\r", "") == after["f.txt"].decode()


def test_an_indentation_that_can_mean_two_things_is_refused() -> None:
    """Two spaces for four: everything two to the left, or half of every level? A line at the margin would tell."""
    files = {"a.py": b"def f():\n    return 1\n"}
    diff = "--- a/a.py\n+++ b/a.py\n@@ -2 +2,2 @@\n-  return 1\n+  return 2\n+{}x = 1\n"
    found = apply_edit(DiffEdit(diff.format("    ")), files, ("*.py",))
    assert isinstance(found, RefusedEdit)
    assert "indentation" in found.reason
    known = apply_edit(DiffEdit(diff.format("  ")), files, ("*.py",))
    assert isinstance(known, AppliedEdit)
    assert known.files["a.py"] == b"def f():\n    return 2\n    x = 1\n"
