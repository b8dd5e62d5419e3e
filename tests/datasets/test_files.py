"""Input files: strict text and JSON, with the place of what is wrong."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.datasets import files
from evalkit.datasets.files import clip, dataset_manifest, parse_json, read_json, read_text
from evalkit.errors import DataError
from evalkit.records.json import canonical

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_text_is_read_as_utf8(tmp_path: Path) -> None:
    """A byte order mark is no text, and line ends stay."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9\r\n")
    assert read_text(tmp_path / "a.txt") == "café\r\n"


def test_a_missing_file_has_a_neighbour(tmp_path: Path) -> None:
    """A typo in a file's name is answered with the file that was probably meant."""
    (tmp_path / "support.csv").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"no such file; did you mean 'support\.csv'\?"):
        read_text(tmp_path / "suport.csv")
    with pytest.raises(DataError, match="does not exist either"):
        read_text(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_text(tmp_path / "folder")


def test_other_encodings_are_named(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are found with their line; UTF-16 is recognised."""
    (tmp_path / "latin.txt").write_bytes(b"one\ntwo caf\xe9\n")
    with pytest.raises(DataError, match="line 2: byte 0xe9 is not UTF-8"):
        read_text(tmp_path / "latin.txt")
    (tmp_path / "wide.txt").write_bytes("hi".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        read_text(tmp_path / "wide.txt")


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file far beyond any dataset is refused before it fills the memory."""
    monkeypatch.setattr(files, "_MAX_BYTES", 10)
    (tmp_path / "big.txt").write_bytes(b"x" * 11)
    with pytest.raises(DataError, match="11 bytes"):
        read_text(tmp_path / "big.txt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": }', "line 1, column 7: expecting value"),
        ('{\n "a": 1,\n}', "line 3"),
        ("", "line 1, column 1"),
        ('{"a": 1, "a": 2}', "key 'a' stands twice"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("[1e999]", "too large"),
        ("[" * 100_000, "nested too deeply"),
        ('["\\ud83d"]', "half a character"),
        ('{"\\udc00": 1}', "half a character"),
        ('{"a": {"b": ["\\ud800"]}}', "half a character"),
        ("1" * 5000, "digits"),
        ("{} {}", "extra data"),
    ],
)
def test_json_is_strict(text: str, said: str) -> None:
    """Whatever could not be hashed, compared or sent later is refused here, with the reason."""
    with pytest.raises(ValueError, match=said):
        parse_json(text)


@given(value=json_values)
def test_json_survives(value: Any) -> None:
    """Every JSON value is read as it was written, also with everything escaped, and has a canonical form."""
    for ascii_only in (True, False):
        assert parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value
    canonical(parse_json(json.dumps(value)))


@given(text=st.text(alphabet='{}[]",:\\ud8ef0123eE+-. nulltrfas\n', max_size=60))
def test_any_text_is_json_or_a_message(text: str) -> None:
    """Text is either a value that can be hashed or a ValueError."""
    try:
        value = parse_json(text)
    except ValueError:
        return
    canonical(value)


def test_read_json_names_the_file(tmp_path: Path) -> None:
    """A JSON problem comes with the file it is in."""
    (tmp_path / "a.json").write_text('{"a": 1\n "b": 2}')
    with pytest.raises(DataError, match=r"a\.json: is not valid JSON: line 2, column 2: expecting ',' delimiter"):
        read_json(tmp_path / "a.json")


def test_manifest_is_by_content(tmp_path: Path) -> None:
    """The manifest has each file once, with the hash and size of its bytes."""
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"")
    assert dataset_manifest([tmp_path / "a", tmp_path / "b", tmp_path / "a"]) == [
        {"path": str(tmp_path / "a"), "sha256": sha256(b"abc").hexdigest(), "bytes": 3},
        {"path": str(tmp_path / "b"), "sha256": sha256(b"").hexdigest(), "bytes": 0},
    ]


@given(value=st.text(), length=st.integers(min_value=5, max_value=100))
def test_clip_is_short(value: str, length: int) -> None:
    """A shown value never fills the screen and never breaks the line."""
    assert len(clip(value, length)) <= length
    assert "\n" not in clip(value, length)
