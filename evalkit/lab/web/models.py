"""The page of models: what LM Studio has loaded, what can be named in a run, and which keys are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from evalkit.lab.models import list_models, list_providers, list_studio, shipped_prices, studio_url
from evalkit.lab.web.rendering import render

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab


def routes(lab: Lab) -> APIRouter:
    """Return the page and its part that LM Studio is asked for."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ui/models")
    def show_models(request: Request) -> HTMLResponse:
        presets = list_providers(lab.settings.working_dir)
        prices = shipped_prices()
        return render(
            request,
            "models.html.j2",
            presets=presets,
            models=list_models(presets, lab.index.facets().models, prices),
            price_as_of=prices.as_of,
            studio_url=studio_url(presets),
        )

    @router.get("/ui/models/lmstudio")
    def show_studio(request: Request) -> HTMLResponse:
        listing = list_studio(studio_url(list_providers(lab.settings.working_dir)))
        return render(request, "models_studio.html.j2", listing=listing)

    return router
