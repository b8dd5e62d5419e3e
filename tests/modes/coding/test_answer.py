"""What real models answer, and what is made of it."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.edits import DiffEdit, Refusal, RefusedEdit, SearchBlock, SearchEdit, WholeEdit
from evalkit.modes.coding.task import EditFormat

DIFF = "--- a/src/x.py\n+++ b/src/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
OTHER = "--- a/src/y.py\n+++ b/src/y.py\n@@ -1 +1 @@\n-b = 1\n+b = 2\n"
HUNK = "@@ -1 +1 @@\n-a = 1\n+a = 2\n"

DIFFS = {
    "fenced": (f"Here it is:\n\n```diff\n{DIFF}```\n\nIt was a typo.", DIFF),
    "a longer fence": (f"`````diff\n{DIFF}`````", DIFF),
    "tildes": (f"~~~diff\n{DIFF}~~~", DIFF),
    "another name": (f"```patch\n{DIFF}```", DIFF),
    "no name": (f"```\n{DIFF}```", DIFF),
    "the language's name": (f"```python\n{DIFF}```", DIFF),
    "in a list": ("1. So:\n\n" + "".join(f"   {line}\n" for line in f"```diff\n{DIFF}```".splitlines()), DIFF),
    "bare": (DIFF, DIFF),
    "bare between prose": (f"The fix:\n\n{DIFF}\nThat is all.", DIFF),
    "bare before a list": (f"{DIFF}\n- Changed a.\n- Nothing else.\n", DIFF),
    "no last newline": (DIFF[:-1], DIFF),
    "never closed": (f"```diff\n{DIFF}", DIFF),
    "two blocks": (f"```diff\n{DIFF}```\nand\n```diff\n{OTHER}```", DIFF + OTHER),
    "said twice": (f"```diff\n{DIFF}```\nSo once more:\n```diff\n{DIFF}```", DIFF),
    "beside other blocks": (f"```bash\npytest\n```\n```diff\n{DIFF}```\n```python\na = 2\n```", DIFF),
    "fenced and bare": (f"{OTHER}\n\nor rather\n\n```diff\n{DIFF}```", DIFF),
    "after thinking": (f"<think>\nMaybe\n```diff\n{OTHER}```\nno.\n</think>\n\n```diff\n{DIFF}```", DIFF),
    "after thinking on one line": (f"<think>hm</think>```diff\n{DIFF}```", DIFF),
    "after thoughts whose tag was in the prompt": (f"Maybe\n```diff\n{OTHER}```\n</think>\n```diff\n{DIFF}```", DIFF),
    "thinking in between": (f"First.\n<thinking>\n{OTHER}</thinking>\n```diff\n{DIFF}```", DIFF),
    "code about tags": ("```diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-<think>\n+</think>\n```",) * 2,
    "CRLF": (f"Here:\n```diff\n{DIFF}```\n".replace("\n", "\r\n"), DIFF),
    "a fence inside": (f"```diff\n{DIFF}@@ -9 +9 @@\n ```\n-x\n+y\n```", f"{DIFF}@@ -9 +9 @@\n ```\n-x\n+y\n"),
    "a bare one with a fence inside": (f"{DIFF}@@ -9,2 +9,2 @@\n ```\n-x\n+y\n",) * 2,
    "hunks only": (f"```diff\n{HUNK}```", HUNK),
    "hunks below their path": (f"**src/x.py**\n```diff\n{HUNK}```", f"--- src/x.py\n+++ src/x.py\n{HUNK}"),
    "hunks with their path in the info": (f"```diff src/x.py\n{HUNK}```", f"--- src/x.py\n+++ src/x.py\n{HUNK}"),
    "half characters": (f"```diff\n{DIFF}```\n\ud800", DIFF),
    "a NUL in the prose": (f"\x00\n```diff\n{DIFF}```\n", DIFF),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFS)
def test_a_diff_is_found(name: str) -> None:
    """Whatever stands around it."""
    text, expected = DIFFS[name]
    if text == expected and text.startswith("```"):
        expected = text.removeprefix("```diff\n").removesuffix("```")
    assert extract_edit(text, EditFormat.DIFF) == DiffEdit(expected)


CODE = "def f():\n    return 2\n"
WHOLES = {
    "a line before": f"src/x.py\n```python\n{CODE}```",
    "bold before": f"**src/x.py**\n\n```python\n{CODE}```",
    "code before": f"`src/x.py`:\n```python\n{CODE}```",
    "a title before": f"### `src/x.py`\n\n```python\n{CODE}```",
    "a word before": f"File: src/x.py\n```python\n{CODE}```",
    "a number before": f"1. **src/x.py**\n```python\n{CODE}```",
    "with a remark": f"src/x.py (changed)\n```python\n{CODE}```",
    "in a sentence": f"Here is the whole of `src/x.py` after the fix:\n```python\n{CODE}```",
    "in a sentence without backticks": f"The new src/x.py:\n```python\n{CODE}```",
    "with ./": f"./src/x.py\n```python\n{CODE}```",
    "in the info": f"```src/x.py\n{CODE}```",
    "behind the language": f"```python src/x.py\n{CODE}```",
    "with a colon": f"```python:src/x.py\n{CODE}```",
    "with a name": f'```python title="src/x.py"\n{CODE}```',
    "in braces": f'```{{.python filename="src/x.py"}}\n{CODE}```',
    "not at all": f"Here you are.\n```python\n{CODE}```\nDone.",
    "written twice": f"src/x.py\n```\nwrong\n```\nNo:\n\nsrc/x.py\n```\n{CODE}```",
    "beside a command": f"src/x.py\n```python\n{CODE}```\nRun src/x.py with:\n```bash\npython src/x.py\n```",
    "beside an example": f"src/x.py\n```python\n{CODE}```\nThen src/x.py gives:\n```python\n>>> f()\n2\n```",
    "after thinking": f"<think>\nsrc/x.py\n```\nwrong\n```\n</think>\nsrc/x.py\n```python\n{CODE}```",
    "never closed": f"src/x.py\n```python\n{CODE}",
}


@pytest.mark.parametrize("name", WHOLES)
def test_a_whole_file_is_found(name: str) -> None:
    """In all the ways in which models say which file it is."""
    assert extract_edit(WHOLES[name], EditFormat.WHOLE, ["src/x.py"]) == WholeEdit({"src/x.py": CODE})


def test_a_comment_in_the_first_line_names_the_file_and_stays() -> None:
    """It is part of what the model wrote."""
    for first in ("# src/x.py", "// src/x.py", "/* src/x.py */", "<!-- src/x.py -->", "# File: src/x.py"):
        found = extract_edit(f"```python\n{first}\n{CODE}```", EditFormat.WHOLE, ["src/x.py", "src/y.py"])
        assert found == WholeEdit({"src/x.py": f"{first}\n{CODE}"})


def test_several_files_are_found() -> None:
    """Also new ones, and with fences inside of longer fences."""
    text = f"src/x.py\n```python\n{CODE}```\n\nsrc/new.md\n````md\n```\ncode\n```\n````\n"
    expected = WholeEdit({"src/x.py": CODE, "src/new.md": "```\ncode\n```\n"})
    assert extract_edit(text, EditFormat.WHOLE, ["src/x.py"]) == expected


BLOCK = "<<<<<<< SEARCH\na = 1\n=======\na = 2\n>>>>>>> REPLACE\n"
MADE = SearchBlock("src/x.py", ("a = 1",), ("a = 2",))
SEARCHES = {
    "path in the fence": f"```python\nsrc/x.py\n{BLOCK}```",
    "path before the fence": f"src/x.py\n```python\n{BLOCK}```",
    "path before, with a gap": f"### src/x.py\n\n```python\n{BLOCK}```",
    "path in the info": f"```python src/x.py\n{BLOCK}```",
    "path in a comment": f"```python\n# src/x.py\n{BLOCK}```",
    "path in a sentence": f"In `src/x.py`, change:\n```python\n{BLOCK}```",
    "path in the marker": BLOCK.replace("SEARCH", "SEARCH src/x.py"),
    "no fence": f"src/x.py\n{BLOCK}",
    "no path, one file": f"```\n{BLOCK}```",
    "longer markers": f"src/x.py\n{BLOCK}".replace("<<<<<<<", "<<<<<<<<<").replace("=======", "=========")
    .replace(">>>>>>>", ">>>>>>>>>"),
    "short markers": f"src/x.py\n{BLOCK}".replace("<<<<<<<", "<<<<<").replace("=======", "=====")
    .replace(">>>>>>>", ">>>>>"),
    "CRLF": f"src/x.py\n{BLOCK}".replace("\n", "\r\n"),
    "after thinking": f"<think>\nsrc/z.py\n{BLOCK}</think>\nsrc/x.py\n{BLOCK}",
}  # fmt: skip


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_block_is_found(name: str) -> None:
    """In all the ways in which models say which file it is for."""
    assert extract_edit(SEARCHES[name], EditFormat.SEARCH_REPLACE, ["src/x.py"]) == SearchEdit((MADE,))


def test_several_blocks_keep_their_files_and_order() -> None:
    """One without a path belongs to the file of the block before; a new file has nothing to search for."""
    text = (
        f"src/x.py\n```\n{BLOCK}```\nand\n```\n{BLOCK}```\nsrc/y.py\n```\n{BLOCK}```\n"
        "src/new.py\n```\n<<<<<<< SEARCH\n=======\nb = 1\n\nc = 1\n>>>>>>> REPLACE\n```\n"
    )
    found = extract_edit(text, EditFormat.SEARCH_REPLACE, ["src/x.py", "src/y.py"])
    other = SearchBlock("src/y.py", MADE.search, MADE.replace)
    assert found == SearchEdit((MADE, MADE, other, SearchBlock("src/new.py", (), ("b = 1", "", "c = 1"))))


NOTHING = {
    ("", EditFormat.DIFF): "empty",
    ("  \n", EditFormat.WHOLE): "empty",
    ("<think>\nonly thoughts\n</think>\n", EditFormat.DIFF): "reasoning",
    (f"<think>\ncut off\n```diff\n{DIFF}```", EditFormat.DIFF): "reasoning",
    ("I cannot help with that.", EditFormat.DIFF): "only prose",
    (f"```python\n{CODE}```", EditFormat.DIFF): "blocks of code",
    (f"src/x.py\n{BLOCK}", EditFormat.DIFF): "SEARCH/REPLACE",
    ("I would change the loop.", EditFormat.WHOLE): "only prose",
    (f"```diff\n{DIFF}```", EditFormat.WHOLE): "but a diff",
    (f"src/x.py\n```\n{BLOCK}```", EditFormat.WHOLE): "SEARCH/REPLACE",
    (f"```python\n{CODE}```\n```python\n{CODE}```", EditFormat.WHOLE): "no block says",
    ("Use another algorithm.", EditFormat.SEARCH_REPLACE): "only prose",
    (f"```diff\n{DIFF}```", EditFormat.SEARCH_REPLACE): "but a diff",
}


@pytest.mark.parametrize(("text", "edit_format"), NOTHING)
def test_an_answer_without_an_edit_is_no_patch(text: str, edit_format: EditFormat) -> None:
    """With the reason, and never read in a format that was not asked for."""
    found = extract_edit(text, edit_format, ["src/x.py"])
    assert isinstance(found, RefusedEdit)
    assert found.status is Refusal.NO_PATCH
    assert NOTHING[text, edit_format] in found.reason


def test_a_search_block_that_is_cut_off_is_invalid() -> None:
    """It was begun: half of it is not applied."""
    for cut in (
        "<<<<<<< SEARCH\na = 1\n",
        "<<<<<<< SEARCH\na = 1\n=======\na = 2\n",
        BLOCK.replace("REPLACE", "REPLACED"),
    ):
        found = extract_edit(f"src/x.py\n{cut}", EditFormat.SEARCH_REPLACE, ["src/x.py"])
        assert isinstance(found, RefusedEdit)
        assert found.status is Refusal.INVALID_PATCH
    nameless = extract_edit(BLOCK, EditFormat.SEARCH_REPLACE, ["src/x.py", "src/y.py"])
    assert isinstance(nameless, RefusedEdit)
    assert "which file" in nameless.reason


SIZE = 1_000_000
HUGE = {
    "one line": "x" * SIZE,
    "spaces": " " * SIZE,
    "backticks": "`" * SIZE,
    "newlines": "\n" * SIZE,
    "tags": "<think>\n" * (SIZE // 8),
    "closing tags": "</think>\n" * (SIZE // 9),
    "fences": "```\n" * (SIZE // 4),
    "files": "--- a/x\n+++ b/x\n" * (SIZE // 16),
    "hunks": "--- a/x\n+++ b/x\n" + "@@ -1 +1 @@\n-a\n+b\n" * (SIZE // 18),
    "a wide diff": "```diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-" + "a" * SIZE + "\n+b\n```",
    "markers": "<<<<<<< SEARCH\n" * (SIZE // 15),
    "half blocks": "src/x.py\n<<<<<<< SEARCH\n=======\n" * (SIZE // 32),
    "arrows": ">" * SIZE,
    "quotes": "`a` " * (SIZE // 4),
    "titles": "#" * SIZE + "\n```\nx\n```",
    "slashes": "/" * SIZE + "\n```\nx\n```",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HUGE)
def test_no_answer_takes_long_to_read(name: str) -> None:
    """An expression that tries again and again would need hours for one of these."""
    for edit_format in EditFormat:
        assert extract_edit(HUGE[name], edit_format, ["src/x.py"]) is not None


def test_an_answer_of_ten_megabytes_is_refused_at_once() -> None:
    """Nobody wrote that much by purpose; the reason says how much it is."""
    found = extract_edit(f"```diff\n{DIFF}```\n" + "x" * 10_000_000, EditFormat.DIFF)
    assert isinstance(found, RefusedEdit)
    assert (found.status, "10000" in found.reason) == (Refusal.INVALID_PATCH, True)
