"""What a person sees where there is no page, or one cannot be made; programs get JSON as ever."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from evalkit.errors import UserError
from evalkit.lab.web.rendering import is_partial, render

_TITLES = {403: "Not allowed here", 404: "There is no such page", 405: "Not this way", 422: "That makes no sense"}
_log = logging.getLogger(__name__)


def add_error_pages(application: FastAPI) -> None:
    """Let `application` answer people with a page of its own where it answers programs with a status and its reason."""

    async def tell_status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
        if not _is_for_people(request):
            return await http_exception_handler(request, error)
        return _page(request, error.status_code, str(error.detail))

    async def tell_users_error(request: Request, error: Exception) -> Response:
        if not _is_for_people(request):
            return JSONResponse({"detail": str(error)}, 422)
        return _page(request, 422, str(error))

    async def tell_misfit(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for nothing else
        if _is_for_people(request):
            return _page(request, 422, "; ".join(str(found["msg"]) for found in error.errors()))
        # Not what was sent: it may be no text at all, which no answer can hold.
        told = [{"type": found["type"], "loc": _places(found["loc"]), "msg": found["msg"]} for found in error.errors()]
        return JSONResponse({"detail": told}, 422)

    async def tell_defect(request: Request, error: Exception) -> Response:
        _log.error("%s failed", request.url.path, exc_info=error)
        told = f"The lab could not do this ({type(error).__name__}); its terminal has the details."
        if not _is_for_people(request):
            return JSONResponse({"detail": told}, 500)
        return _page(request, 500, told)

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: tell_status,
        RequestValidationError: tell_misfit,
        UserError: tell_users_error,
        Exception: tell_defect,
    }
    for kind, handler in handlers.items():
        application.add_exception_handler(kind, handler)


def _places(names: Iterable[str | int]) -> list[str | int]:
    return [name.encode("utf-8", "replace").decode() if isinstance(name, str) else name for name in names]


def _is_for_people(request: Request) -> bool:
    """Tell whether a browser asks for a whole page; parts of a page are told in JSON, which it shows as a message."""
    return "text/html" in request.headers.get("accept", "") and not is_partial(request)


def _page(request: Request, status: int, detail: str) -> Response:
    title = _TITLES.get(status, "Something went wrong")
    return render(request, "error.html.j2", status_code=status, title=title, detail=detail, status=status)
