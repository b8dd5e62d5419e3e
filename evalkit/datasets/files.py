"""Reading input files: text, strict JSON, and the hashes of the files that a run read.

Every message names the file and the place in it. JSON is read strictly: a key that stands twice, a number that no
number type holds and half a Unicode character are errors here, where the file can be named, and not somewhere later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.settings.names import did_you_mean

_MAX_BYTES = 64 * 1024 * 1024
# How files begin that people name by mistake where text is expected.
_KINDS_OF_FILE = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"RIFF", "a WAV or another RIFF file"),
    (b"PAR1", "a Parquet table"),
    (b"SQLite format 3", "an SQLite database"),
)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read_bytes(path: Path) -> bytes:
    """Return the content of `path`. Raises DataError when there is no such file, or it is no sensible size."""
    try:
        size_bytes = path.stat().st_size
        if path.is_dir():
            raise DataError(f"{path}: is a folder, expected a file")
        if size_bytes > _MAX_BYTES:
            raise DataError(f"{path}: has {size_bytes} bytes, expected at most {_MAX_BYTES}; is it the right file?")
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file{_nearby(path)}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def read_text(path: Path, expected: str = "text in UTF-8") -> str:
    """Return the UTF-8 text of `path`, without a byte order mark. Raises DataError, which says what was `expected`."""
    data = read_bytes(path)
    for beginning, kind in _KINDS_OF_FILE:
        if data.startswith(beginning):
            raise DataError(f"{path}: is {kind}, expected {expected}; is it the right file?")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: is UTF-16, expected UTF-8; save it again as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file again as UTF-8"
        ) from None


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`. Raises DataError with the line and column of what is wrong."""
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise DataError(f"{path}: is not valid JSON: {error}") from None


def parse_json(text: str) -> Any:
    """Return the JSON value in `text`. Raises ValueError that says what is wrong and, where it can, the place."""
    try:
        value = json.loads(
            text, object_pairs_hook=_refuse_repeated_keys, parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {_lower_first(error.msg)}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if "\\" in text and _holds_lone_surrogate(value):
        raise ValueError("an escape such as \\ud800 is half a character; both halves must stand together")
    return value


def dataset_manifest(paths: Iterable[Path]) -> list[dict[str, str | int]]:
    """Return path, sha256 and size of each file that a run read, in order and once each."""
    contents = ((path, read_bytes(path)) for path in dict.fromkeys(paths))
    return [manifest_entry(path, sha256(data).hexdigest(), len(data)) for path, data in contents]


def manifest_entry(path: Path, content_sha256: str, size_bytes: int) -> dict[str, str | int]:
    """Return the manifest's entry for one file."""
    return {"path": str(path), "sha256": content_sha256, "bytes": size_bytes}


def clip(value: object, characters: int = 80) -> str:
    """Return the repr of `value`, cut where it is long: how messages show what was found."""
    shown = repr(value)
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}…"


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; its folder {path.parent} does not exist either"
    return did_you_mean(path.name, sorted(sibling.name for sibling in path.parent.iterdir() if sibling.is_file()))


def _refuse_repeated_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {clip(repeated)} stands twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{clip(digits)} is too large for a number")
    return value


def _holds_lone_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _LONE_SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_holds_lone_surrogate(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_holds_lone_surrogate(part) for part in value)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
