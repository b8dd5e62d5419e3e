"""Files of runs as a browser may have them: whatever a model wrote into them, nothing of it is run or shown as a page.

A path leads to a regular file below the run's directory, or nowhere: no ``..``, no symlink at any step, nothing hidden.
What the browser may do with it follows from a list of endings, never from its content.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from evalkit.lab.lab import Lab

SANDBOX = "sandbox; default-src 'none'"
REPORT_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
LARGEST_BYTES = 2 * 1024**3
LARGEST_SHOWN_BYTES = 16 * 1024**2
"""Above this a text is a download: a tab that is to lay it out would freeze."""

_PIECE = 256 * 1024
_LONGEST_PATH = 4096
_PLAIN = "text/plain; charset=utf-8"
_SHOWN = {
    ".wav": "audio/wav",
    ".png": "image/png",
    ".json": "application/json",
    **dict.fromkeys(
        (
            ".cast", ".css", ".csv", ".diff", ".htm", ".html", ".js", ".jsonl", ".log", ".md", ".patch", ".py", ".svg",
            ".toml", ".txt", ".xhtml", ".xml", ".yaml", ".yml",
        ),
        _PLAIN,
    ),
}  # fmt: skip
_REPORTS = frozenset({"report.html", "sweep.html"})
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_RANGE = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))", re.ASCII)


@dataclass(frozen=True)
class Artifact:
    """A file of a run, open for reading. Whoever has it closes `handle`.

    Attributes:
        handle: The file.
        size: Its bytes, as they were when it was opened.
        etag: Changes with the file.

    """

    handle: int
    size: int
    etag: str

    def read(self, first: int, count: int) -> Iterator[bytes]:
        """Yield `count` bytes from `first` on, fewer where the file has become shorter."""
        while count > 0 and (piece := os.pread(self.handle, min(_PIECE, count), first)):
            first += len(piece)
            count -= len(piece)
            yield piece


class ArtifactResponse(StreamingResponse):
    """`count` bytes of an artifact from `first` on; closes it, whether the reader stays to the end or not."""

    def __init__(self, artifact: Artifact, first: int, count: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(artifact.read(first, count), status, headers)
        self._handle = artifact.handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._handle)


def open_artifact(root: Path, path: str) -> Artifact | None:
    """Return the file at `path` below the run directory `root`; None when there is none that may be had."""
    parts = path.split("/")
    if len(path) > _LONGEST_PATH or _UNPRINTABLE.search(path) or any(not part or part[0] == "." for part in parts):
        return None
    try:
        handle = _walk(root, parts)
    except (OSError, UnicodeEncodeError):
        return None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        return None
    return Artifact(handle, found.st_size, f'"{found.st_mtime_ns:x}-{found.st_size:x}"')


def read_artifact(root: Path, path: str) -> bytes | None:
    """Return what the file at `path` below `root` holds; None when there is none, or one too large to be shown."""
    artifact = open_artifact(root, path)
    if artifact is None:
        return None
    try:
        return b"".join(artifact.read(0, artifact.size)) if artifact.size <= LARGEST_SHOWN_BYTES else None
    finally:
        os.close(artifact.handle)


def routes(lab: Lab) -> APIRouter:
    """Return the route of all artifacts."""
    router = APIRouter(tags=["artifacts"])

    @router.head("/artifacts/{run_id}/{path:path}", include_in_schema=False)
    @router.get(
        "/artifacts/{run_id}/{path:path}",
        response_class=Response,
        summary="A file of a run; part of one with Range",
        responses={
            206: {"description": "The part that Range asks for"},
            304: {"description": "Not changed"},
            404: {"description": "There is no such file"},
            413: {"description": "The file is too large"},
            416: {"description": "The file has no such part"},
        },
    )
    def get_artifact(run_id: str, path: str, request: Request, *, download: bool = False) -> Response:
        root = lab.index.find_root(run_id)
        artifact = None if root is None else open_artifact(root, path)
        if artifact is None:
            raise HTTPException(404, "there is no such file in that run")
        return _answer(artifact, path, request, download=download)

    return router


def _walk(root: Path, parts: list[str]) -> int:
    """Return the open file at `parts` below `root`, going down folder by folder so that nothing can be swapped."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], flags | os.O_NONBLOCK, dir_fd=folder)  # a pipe without a writer must not hold us
    finally:
        os.close(folder)


def _answer(artifact: Artifact, path: str, request: Request, *, download: bool) -> Response:
    """Return the answer that has `artifact`, or the part of it that is asked for."""
    headers = _headers(artifact, path, download=download)
    first, count, status = 0, artifact.size, 200
    asked = request.headers.get("range")
    if artifact.size > LARGEST_BYTES:
        status = 413
    elif artifact.etag in request.headers.get("if-none-match", ""):
        status = 304
    elif asked is not None and request.headers.get("if-range", artifact.etag) == artifact.etag:
        first, count, status = _part(asked, artifact.size)
    if status in (304, 413, 416):
        os.close(artifact.handle)
        if status == 416:
            headers["content-range"] = f"bytes */{artifact.size}"
        headers.pop("content-length")
        return Response(status_code=status, headers=headers)
    headers["content-length"] = str(count)
    if status == 206:
        headers["content-range"] = f"bytes {first}-{first + count - 1}/{artifact.size}"
    if request.method == "HEAD":
        count = 0
    return ArtifactResponse(artifact, first, count, status, headers)


def _headers(artifact: Artifact, path: str, *, download: bool) -> dict[str, str]:
    name = path.rpartition("/")[2]
    is_report = path in _REPORTS
    kind = "text/html; charset=utf-8" if is_report else _SHOWN.get(Path(name).suffix.lower())
    is_text = kind is not None and not kind.startswith(("audio/", "image/"))
    is_shown = kind is not None and not download and not (is_text and artifact.size > LARGEST_SHOWN_BYTES)
    return {
        "content-type": kind or "application/octet-stream",
        "content-length": str(artifact.size),
        "content-disposition": f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": REPORT_SANDBOX if is_report else SANDBOX,
        "accept-ranges": "bytes",
        "etag": artifact.etag,
    }


def _part(asked: str, size: int) -> tuple[int, int, int]:
    """Return first byte, count and status for the Range `asked` of a file with `size` bytes.

    Several ranges at once, and what is no range, get the whole file, as the standard allows.
    """
    found = _RANGE.fullmatch(asked.strip())
    if found is None:
        return 0, size, 200
    if found["suffix"]:
        count = min(int(found["suffix"]), size)
        return (size - count, count, 206) if count else (0, 0, 416)
    first = int(found["first"])
    last = min(int(found["last"] or size - 1), size - 1)
    if found["last"] and int(found["last"]) < first:
        return 0, size, 200
    return (first, last - first + 1, 206) if first < size else (0, 0, 416)
