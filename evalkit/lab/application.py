"""The lab as one ASGI application: its rooms' routes, put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

import evalkit
from evalkit.lab.web import asset_files

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

ROOMS: tuple[Callable[[Lab], APIRouter], ...] = (asset_files.routes,)
"""Each room's routes, given the lab."""


def make_application(lab: Lab) -> FastAPI:
    """Return the application of `lab`."""
    application = FastAPI(title="evalkit lab", version=evalkit.__version__, docs_url=None, redoc_url=None)
    application.state.lab = lab
    for routes in ROOMS:
        application.include_router(routes(lab))
    return application
