"""The files that pages load: scripts, styles and pictures that ship with the package.

They are served from memory, by exact name, under ``/ui/assets/<build>/<name>``. ``<build>`` is a hash over all of
them, so that a browser may keep a file for ever and modules that import each other by a relative path get one version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from evalkit.lab.lab import Lab

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True)
class AssetFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str


@cache
def read_assets() -> Mapping[str, AssetFile]:
    """Return every file by the name that pages give it.

    ``lab.css`` lies in ``assets/``, ``vendored/htmx/htmx.min.js`` in ``vendored/``, and ``report/page.css`` is the
    style of the reports' pages, whose parts the lab's pages share.
    """
    web = files("evalkit.lab.web")
    found: dict[str, AssetFile] = {}
    _collect(web / "assets", "", found)
    _collect(web / "vendored", "vendored/", found)
    _collect(files("evalkit.reports.page") / "assets", "report/", found)
    return found


@cache
def build_id() -> str:
    """Return a hash over all files, 12 hex digits."""
    digest = hashlib.sha256()
    for name, asset in sorted(read_assets().items()):
        digest.update(f"{name} {asset.etag}\n".encode())
    return digest.hexdigest()[:12]


def asset_url(name: str) -> str:
    """Return the address of the file `name`. Raises KeyError where none ships."""
    if name not in read_assets():
        raise KeyError(f"{name}: no such asset; there are {', '.join(sorted(read_assets()))}")
    return f"/ui/assets/{build_id()}/{name}"


def routes(_lab: Lab) -> APIRouter:
    """Return the route of the assets."""
    router = APIRouter(prefix="/ui/assets", include_in_schema=False)

    @router.get("/{path:path}")
    def get_asset(request: Request, path: str) -> Response:
        build, _, name = path.partition("/")
        is_versioned = build == build_id()
        asset = read_assets().get(name if is_versioned else path)
        if asset is None:
            raise HTTPException(404, "no such asset")
        headers = {"ETag": asset.etag, "Cache-Control": _FOREVER if is_versioned else _ASK_AGAIN}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    return router


def _collect(folder: Traversable, prefix: str, found: dict[str, AssetFile]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
            continue
        media_type = _TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if media_type is not None:
            content = entry.read_bytes()
            found[prefix + entry.name] = AssetFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
