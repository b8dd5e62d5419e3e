"""The lab as one ASGI application: its rooms' routes, put together behind the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

import evalkit
from evalkit.errors import ConfigError
from evalkit.lab.api import docs_page, model_routes, people_routes, ranking_routes, run_routes, trial_routes
from evalkit.lab.guard import artifacts, login
from evalkit.lab.guard.access import Access
from evalkit.lab.guard.failed_logins import FailedLogins
from evalkit.lab.guard.gate import Gate
from evalkit.lab.index.queries import make_follower, open_index
from evalkit.lab.lab import Lab, LabService
from evalkit.lab.launch import routes as launching
from evalkit.lab.launch.launches import Launches
from evalkit.lab.live import routes as live
from evalkit.lab.settings import LabSettings
from evalkit.lab.stored_folders import StorageFollower
from evalkit.lab.web import (
    asset_files,
    case,
    compare,
    history,
    leaderboard,
    mode_sections,
    models,
    people,
    reviews,
    run,
    runs,
    sweep,
)
from evalkit.lab.web.error_pages import add_error_pages
from evalkit.settings.addresses import Addresses, is_loopback

ROOMS: tuple[Callable[[Lab], APIRouter], ...] = (
    live.routes,
    run_routes.routes,
    people_routes.routes,
    trial_routes.routes,
    ranking_routes.routes,
    model_routes.routes,
    docs_page.routes,
    artifacts.routes,
    asset_files.routes,
    runs.routes,
    run.routes,
    case.routes,
    history.routes,
    leaderboard.routes,
    people.routes,
    reviews.routes,
    compare.routes,
    mode_sections.routes,
    models.routes,
    sweep.routes,
    launching.routes,
)
"""Each room's routes, given the lab."""


def open_lab(settings: LabSettings) -> Lab:
    """Return the lab of `settings`, with all that its rooms work with; nothing runs before its application does.

    Raises ConfigError when its home or the index's database cannot be used.
    """
    try:
        access = Access(settings.home, demanded=not is_loopback(settings.host))
    except OSError as error:
        what = f"{settings.home}: the lab's own files cannot be kept there ({error.strerror or error})"
        raise ConfigError(f"{what}; --home DIR names another folder for them") from error
    index = open_index(settings)
    follower = make_follower(index, settings)
    launches = Launches(settings)
    stored = StorageFollower(settings.folders, read_only=settings.read_only)
    return Lab(settings, access, index, follower, launches, services=(stored, follower, launches))


def make_application(lab: Lab) -> FastAPI:
    """Return the application of `lab`, whose services run from its start to its end."""
    failed_logins = FailedLogins()
    application = FastAPI(
        title="evalkit lab", version=evalkit.__version__, docs_url=None, redoc_url=None, lifespan=_while_up(lab)
    )
    application.state.lab = lab
    add_error_pages(application)
    addresses = Addresses(lab.settings.host, lab.settings.port)
    application.add_middleware(Gate, addresses=addresses, access=lab.access, failed_logins=failed_logins)
    application.include_router(login.routes(lab, failed_logins))
    for routes in ROOMS:
        application.include_router(routes(lab))

    @application.get("/", include_in_schema=False)
    @application.get("/ui/index.html", include_in_schema=False)
    def lead_to_the_runs() -> RedirectResponse:
        return RedirectResponse("/ui/", 307)

    return application


def _while_up(lab: Lab) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        started: list[LabService] = []
        try:
            for service in lab.services:
                started.append(service)
                await run_in_threadpool(service.start)
        except Exception as error:
            application.state.failure = error  # a server only says that there was one
            raise
        else:
            yield
        finally:
            for service in reversed(started):
                await run_in_threadpool(service.stop)
            lab.index.close()

    return lifespan
