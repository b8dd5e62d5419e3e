"""The API's routes for models: what is known of one, and what LM Studio has."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from evalkit.lab.lab import Lab
from evalkit.lab.models import (
    STUDIO,
    KnownModel,
    describe_model,
    describe_studio,
    list_models,
    list_providers,
    list_studio,
    shipped_prices,
    studio_url,
)


def routes(lab: Lab) -> APIRouter:
    """Return the routes of models."""
    router = APIRouter(tags=["models"])

    @router.get("/models/capabilities", summary="What is known of a model", responses={404: {"description": "Unknown"}})
    def get_capabilities(
        model_id: Annotated[str, Query(max_length=300, description="The model's name")],
    ) -> dict[str, Any]:
        wanted = model_id.strip()
        if not wanted:
            raise HTTPException(400, "model_id is empty; name a model")
        prices = shipped_prices()
        presets = list_providers(lab.settings.working_dir)
        known = list_models(presets, lab.index.facets().models, prices)
        found = next((model for model in known if model.name == wanted), None)
        if found is not None:
            return describe_model(found, prices.as_of)
        studio = next((model for model in list_studio(studio_url(presets)).models if model.is_named(wanted)), None)
        if studio is None:
            raise HTTPException(404, "Model not found: no preset, no price and no run names it, nor has LM Studio it")
        return describe_model(KnownModel(studio.key, (STUDIO,), (), None, has_run=False), prices.as_of, studio)

    @router.get("/models/lmstudio", summary="The models that LM Studio has")
    def get_studio_models() -> dict[str, Any]:
        return describe_studio(list_studio(studio_url(list_providers(lab.settings.working_dir))))

    return router
