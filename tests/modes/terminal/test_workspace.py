"""What stands in a workspace, whatever an agent has left there."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.modes.terminal.workspace import (
    KEPT_BYTES,
    Entry,
    find_changed,
    find_changed_entries,
    is_litter,
    read_tree,
    watch_tree,
    write_diff,
)

TEXT = st.text(st.sampled_from("ab \n\r\x0b\x0c\x1c\u2028\u0085é"), max_size=30)
NAMES = st.sampled_from(["a", "b.txt", "d/a", "d/e/f", "é"])
TREES = st.dictionaries(NAMES, st.builds(lambda text: Entry("file", len(text.encode()), text.encode()), TEXT))


def apply_diff(before: str, diff: str) -> str:
    """Return what a unified diff makes of a text."""
    old, new, at = before.split("\n"), [], 0
    lines = diff.split("\n")[:-1]
    ends = None
    for index, line in enumerate(lines):
        head = re.match(r"@@ -(\d+)(?:,(\d+))? \+", line)
        if head:
            start = int(head[1]) - (head[2] != "0")
            new += old[at:start]
            at = start
        elif line.startswith("+") and not line.startswith("+++"):
            new.append(line[1:])
            ends = index
        elif line.startswith(" "):
            new.append(old[at])
            ends = index
        if line.startswith((" ", "-")) and not line.startswith("---"):
            assert line[1:] == old[at]
            at += 1
    rest = old[at:]
    open_end = ends is not None and ends + 1 < len(lines) and lines[ends + 1].startswith("\\")
    return "\n".join(new + rest) if rest and rest != [""] else "\n".join(new) + ("" if open_end or not new else "\n")


@given(TEXT, TEXT)
def test_a_diff_makes_the_new_text_of_the_old_one(before: str, after: str) -> None:
    """Lines end at a line feed and nowhere else, as tools that read a diff have it."""
    made = write_diff(
        {"a": Entry("file", len(before), before.encode())}, {"a": Entry("file", len(after), after.encode())}
    )
    if before == after:
        assert made == ""
    else:
        assert made.startswith("--- a/a\n+++ b/a\n")
        assert apply_diff(before, made) == after


@given(TREES, TREES)
def test_what_changed_is_what_differs(before: dict[str, Entry], after: dict[str, Entry]) -> None:
    """Both ways round alike; every changed path stands in the diff, and no other."""
    changed = find_changed_entries(before, after)
    assert changed == sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    assert changed == find_changed_entries(after, before)
    assert find_changed_entries(before, before) == []
    heads = re.findall(r"^(?:---|\+\+\+) [ab]/(.*)$", write_diff(before, after), re.MULTILINE)
    empty = {path for path in changed if not any(tree.get(path) and tree[path].size for tree in (before, after))}
    assert set(heads) == set(changed) - empty


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.binary(min_size=1, max_size=6), st.binary(max_size=20), max_size=4))
def test_any_name_and_content_can_be_read_and_kept(files: dict[bytes, bytes]) -> None:
    """Whatever bytes an agent puts into a name, the record can be written."""
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            if not {b"/"[0], 0} & set(name) and name not in (b".", b".."):
                Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(content)  # noqa: PTH118
        tree = read_tree(Path(folder))
        kept = json.dumps({path: entry.observation for path, entry in tree.items()}).encode()
        assert json.loads(kept).keys() == tree.keys() == watch_tree(Path(folder)).keys()
        write_diff({}, tree).encode()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """No link is followed, no pipe is waited for; each thing is named as what it is."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("a")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder-link").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(tmp_path / "s"))
        tree = read_tree(tmp_path)
    kinds = {path: entry.kind for path, entry in tree.items()}
    assert kinds == {"d": "folder", "d/a": "file", "link": "link", "folder-link": "link", "pipe": "fifo", "s": "other"}
    assert tree["link"].target == "/etc/passwd"
    assert tree["link"].content is None
    assert "# pipe: nothing -> a fifo of 0 bytes\n" in write_diff({}, tree)


def test_a_record_keeps_the_text_of_small_files_and_the_hash_of_all(tmp_path: Path) -> None:
    """A binary file has no text."""
    (tmp_path / "small").write_text("x")
    (tmp_path / "large").write_text("x" * (KEPT_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\0\xff")
    kept = {path: entry.observation for path, entry in read_tree(tmp_path).items()}
    assert {path for path, found in kept.items() if "text" in found} == {"small"}
    assert all("sha256" in found for found in kept.values())


def test_a_change_is_seen_that_hides_its_time(tmp_path: Path) -> None:
    """A program can set when a file was changed, but not when its state was."""
    place = tmp_path / "a"
    place.write_text("one")
    before, found = watch_tree(tmp_path), place.stat()
    time.sleep(0.02)
    place.write_text("two")
    os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert find_changed(before, watch_tree(tmp_path)) == ["a"]


def test_litter_does_not_count(tmp_path: Path) -> None:
    """A glob names a file, or a folder with all in it."""
    assert is_litter(".aider.chat.md", [".aider*"])
    assert is_litter("__pycache__/a.pyc", ["__pycache__"])
    assert not is_litter("a/.aider", ["*.py"])
    assert find_changed({}, {".aider.x": 1, "a": 1}, [".aider*"]) == ["a"]
    assert find_changed_entries({}, {"d": Entry("folder")}) == []
    assert read_tree(tmp_path / "gone") == {}


def test_a_diff_is_bounded() -> None:
    """An agent that writes much does not fill the record."""
    made = write_diff({}, {"a": Entry("file", 1, b"line\n" * 100_000)})
    assert len(made) < 201_000
    assert made.endswith("... and more\n")
