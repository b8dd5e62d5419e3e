"""LM Studio's own REST API: which models there are, which are loaded, and how one is loaded and unloaded.

It is at ``/api/v1`` beside the ``/v1`` that models are asked through, since LM Studio 0.4 (``GET /models``,
``POST /models/load`` and ``/models/unload``). A server without it is told by its answer, whatever the status: older
ones answer every unknown path with 200. Their ``/api/v0`` lists models and changes nothing. What is here follows the
published documentation; the tests hold it against a stand-in, not against the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.errors import CaseFailure
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url
from evalkit.providers.text_model import as_mapping, as_sequence
from evalkit.records.faults import Stage

_LOADING_TIMEOUT_S = 900.0
_NO_SUCH_PATH = frozenset({"not_found", "invalid_request", "invalid_response"})


@dataclass(frozen=True)
class StudioModel:
    """A model that LM Studio has on disk.

    Attributes:
        key: Its name in requests.
        kind: ``llm`` or ``embedding``.
        instances: The ids of what is loaded of it.

    """

    key: str
    kind: str
    instances: tuple[str, ...]

    def is_named(self, name: str) -> bool:
        """Whether `name` asks for it, or for something that is loaded of it."""
        return name == self.key or name in self.instances


class LmStudio:
    """One LM Studio server. A failed request is a CaseFailure, as everywhere."""

    def __init__(self, clients: Clients, endpoint: ProviderEndpoint) -> None:
        self._clients, self._endpoint = clients, endpoint
        self._root = http_base_url(endpoint).removesuffix("/v1")

    async def models(self) -> Sequence[StudioModel] | None:
        """Return the models there are; None where the server has no API for that."""
        listed = (await self._get("/api/v1/models")).get("models")
        return [_read_model(as_mapping(model)) for model in listed] if isinstance(listed, list) else None

    async def older_models(self) -> Sequence[StudioModel] | None:
        """Return the same by the older API (since 0.3.6), which can tell and not change; None where there is none."""
        listed = (await self._get("/api/v0/models")).get("data")
        return [_read_older_model(as_mapping(model)) for model in listed] if isinstance(listed, list) else None

    async def load(self, key: str) -> str:
        """Load a model and return the id of what is loaded now. Takes as long as that takes, 15 minutes at most."""
        body = await self._post("/api/v1/models/load", {"model": key})
        return str(body.get("instance_id") or body.get("model_instance_id") or key)

    async def unload(self, instance: str) -> None:
        """Unload what was loaded under the id `instance`."""
        await self._post("/api/v1/models/unload", {"instance_id": instance})

    async def _get(self, path: str) -> Mapping[str, Any]:
        """Return what is at `path`; nothing where there is no such path."""
        client = self._clients.get(self._endpoint)
        try:
            with self._clients.failures_at(Stage.PREPARE, self._endpoint):
                return as_mapping(await client.get(self._root + path, cast_to=object))
        except CaseFailure as failure:
            if failure.error_type in _NO_SUCH_PATH:
                return {}
            raise

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        client = self._clients.get(self._endpoint)
        with self._clients.failures_at(Stage.PREPARE, self._endpoint):
            told = as_mapping(
                await client.post(self._root + path, cast_to=object, body=body, options={"timeout": _LOADING_TIMEOUT_S})
            )
        if told.get("error"):
            raise self._clients.failure_in_answer(Stage.PREPARE, self._endpoint, told["error"])
        return told


def _read_model(model: Mapping[str, Any]) -> StudioModel:
    loaded = [as_mapping(instance).get("id") for instance in as_sequence(model.get("loaded_instances"))]
    instances = tuple(instance for instance in loaded if isinstance(instance, str))
    return StudioModel(str(model.get("key", "")), str(model.get("type", "")), instances)


def _read_older_model(model: Mapping[str, Any]) -> StudioModel:
    key, kind = str(model.get("id", "")), str(model.get("type", ""))
    instances = (key,) if model.get("state") == "loaded" else ()
    return StudioModel(key, "embedding" if kind == "embeddings" else "llm", instances)
