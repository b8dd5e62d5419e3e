"""Addresses on object storage, and the local folders that stand for them.

``s3://bucket/folder`` is stood for by ``outputs/object_storage/s3/bucket/folder`` below the working directory: there
its runs are made and read, and from there they are uploaded. The file ``.object_storage`` in the folder of a bucket
says which one it is, so that whoever has a folder below it finds its address, in any process.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from evalkit.errors import ConfigError

MARK = ".object_storage"
_PLACE = Path("outputs") / "object_storage"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<path>(?:/[^/]+)*)/*")
_NOT_IN_PATH = re.compile(r"[\s?#*\[\]{}\\@\x00-\x1f]")


def is_address(text: str) -> bool:
    """Whether `text` is written as an address on object storage is, not as a folder."""
    return _SCHEME.match(text) is not None


def scheme_of(address: str) -> str:
    """Return what stands before the colon: ``s3``."""
    return address.partition("://")[0]


def bucket_of(address: str) -> str:
    """Return the bucket (elsewhere: container) of an address."""
    return address.partition("://")[2].partition("/")[0]


def checked_address(text: str) -> str:
    """Return `text` without slashes at its end. Raises ConfigError where it is no address that runs can be kept at.

    What stands before an ``@`` may be a key, so that no message repeats it.
    """
    found = _ADDRESS.fullmatch(text)
    parts = PurePosixPath(found["path"]).parts if found else ()
    if not found or _NOT_IN_PATH.search(found["path"]) or any(part in (".", "..") for part in found["path"].split("/")):
        shown = f"{scheme_of(text)}://…" if "@" in text else repr(text)
        raise ConfigError(
            f"{shown}: is not an address on object storage; expected SCHEME://BUCKET/FOLDER, of letters, digits and "
            "._-=,+ (keys are taken from the environment, never from an address)"
        )
    return f"{found['scheme']}://{'/'.join([found['bucket'], *parts[1:]])}"


def local_folder(address: str, working_dir: Path) -> Path:
    """Return the folder below `working_dir` that stands for a checked `address`, whether there is one or not."""
    return working_dir / _PLACE / scheme_of(address) / Path(address.partition("://")[2])


def mark_bucket(address: str, working_dir: Path) -> Path:
    """Make the folder that stands for a checked `address`, let it be known as such, and return it.

    Raises ConfigError where it cannot be made.
    """
    folder = local_folder(address, working_dir)
    bucket = f"{scheme_of(address)}://{bucket_of(address)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark = local_folder(bucket, working_dir) / MARK
        if not mark.exists():
            mark.write_text(f"{bucket}\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{folder}: the local copy of {address} cannot be made here ({reason})") from error
    return folder


def find_address(folder: Path) -> str | None:
    """Return the address that `folder` stands for; None for any other folder."""
    for parent in (folder, *folder.parents):
        mark = parent / MARK
        if mark.is_file():
            below = folder.relative_to(parent).as_posix()
            bucket = mark.read_text(encoding="utf-8").strip()
            return bucket if below == "." else f"{bucket}/{below}"
    return None


def shown(folder: Path) -> str:
    """Return how a person knows `folder`: by the address that it stands for, else by its path."""
    return find_address(folder) or str(folder)
