"""LM Studio's own REST API: which models there are, which are loaded, and how one is loaded and unloaded.

It is at ``/api/v1`` beside the ``/v1`` that models are asked through, since LM Studio 0.4 (``GET /models``,
``POST /models/load`` and ``/models/unload``). A server without it is told by its answer, whatever the status: older
ones answer every unknown path with 200. Their ``/api/v0`` lists models and changes nothing, but the program ``lms``
can. What is here follows the published documentation; the tests hold it against a stand-in, not against the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from evalkit.errors import CaseFailure
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url
from evalkit.providers.lms import find_lms
from evalkit.providers.studio_models import StudioModel, read_models, read_older_models
from evalkit.providers.text_model import as_mapping
from evalkit.records.faults import Stage

_LOADING_TIMEOUT_S = 900.0
_NO_SUCH_PATH = frozenset({"not_found", "invalid_request", "invalid_response"})


class Studio(Protocol):
    """Who loads and unloads at one server: its REST API, or the program ``lms``."""

    async def models(self) -> Sequence[StudioModel] | None:
        """Return the models there are; None where it cannot know."""
        ...

    async def load(self, key: str) -> str:
        """Load a model and return the id of what is loaded now."""
        ...

    async def unload(self, instance: str) -> None:
        """Unload what was loaded under the id `instance`."""
        ...


class OpenStudio(NamedTuple):
    """A server's models, and who loads and unloads them: nobody where `studio` is None, and `why` says the reason."""

    studio: Studio | None
    models: Sequence[StudioModel] | None
    why: str = ""


class LmStudio:
    """One LM Studio server. A failed request is a CaseFailure, as everywhere."""

    def __init__(self, clients: Clients, endpoint: ProviderEndpoint) -> None:
        self._clients, self._endpoint = clients, endpoint
        self._root = http_base_url(endpoint).removesuffix("/v1")

    async def models(self) -> Sequence[StudioModel] | None:
        """Return the models there are; None where the server has no API for that."""
        return read_models(await self._get("/api/v1/models"))

    async def older_models(self) -> Sequence[StudioModel] | None:
        """Return the same by the older API (since 0.3.6), which can tell and not change; None where there is none."""
        return read_older_models(await self._get("/api/v0/models"))

    async def load(self, key: str) -> str:
        """Load a model and return the id of what is loaded now. Takes as long as that takes, 15 minutes at most."""
        body = await self._post("/api/v1/models/load", {"model": key})
        return str(body.get("instance_id") or body.get("model_instance_id") or key)

    async def unload(self, instance: str) -> None:
        """Unload what was loaded under the id `instance`."""
        await self._post("/api/v1/models/unload", {"instance_id": instance})

    async def _get(self, path: str) -> Mapping[str, Any]:
        """Return what is at `path`; nothing where there is no such path."""
        try:
            return await self._told(path, "GET")
        except CaseFailure as failure:
            if failure.error_type in _NO_SUCH_PATH:
                return {}
            raise

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        told = await self._told(path, "POST", json=body, timeout_s=_LOADING_TIMEOUT_S)
        if told.get("error"):
            raise self._clients.failure_in_answer(Stage.PREPARE, self._endpoint, told["error"])
        return told

    async def _told(self, path: str, method: str, **asked: Any) -> Mapping[str, Any]:
        """Return the JSON object in an answer; nothing where it is of another type."""
        url = self._root + path
        async with self._clients.ask(Stage.PREPARE, self._endpoint, url, method=method, **asked) as answer:
            body, media_type = await answer.aread(), answer.headers.get("content-type", "").partition(";")[0]
            return as_mapping(json.loads(body)) if media_type.endswith("json") else {}


async def open_studio(clients: Clients, endpoint: ProviderEndpoint) -> OpenStudio:
    """Return who can load and unload at `endpoint`: the REST API where there is one, else ``lms`` where that is there.

    Raises CaseFailure where no server answers.
    """
    rest = LmStudio(clients, endpoint)
    models = await rest.models()
    if models is not None:
        return OpenStudio(rest, models)
    program = find_lms(endpoint)
    if program is None:
        return OpenStudio(None, await rest.older_models(), "the program lms, which could, is not there")
    try:
        return OpenStudio(program, await program.models())
    except CaseFailure as failure:
        return OpenStudio(None, await rest.older_models(), failure.message)
