"""LM Studio's REST API as its documentation has it, against a stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from stand_ins import StandIn, StandInLms, standing_in

from evalkit.errors import CaseFailure
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.lms import LmsProgram
from evalkit.providers.lmstudio import LmStudio, open_studio
from evalkit.providers.studio_models import StudioModel


@pytest.fixture
def studio_server() -> Iterator[StandIn]:
    with standing_in() as server:
        server.models = {"qwen/a": ["qwen/a", "qwen/a:2"], "b": [], "embed-c": ["embed-c"]}
        yield server


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients({}, timeout_s=5)
    yield instance
    await instance.aclose()


async def test_models_are_listed_loaded_and_unloaded(studio_server: StandIn, clients: Clients) -> None:
    """By their keys, and by the ids of what is loaded of them."""
    studio = LmStudio(clients, ProviderEndpoint("lmstudio", studio_server.url))
    listed = await studio.models()
    assert listed == [
        StudioModel("qwen/a", "llm", ("qwen/a", "qwen/a:2")), StudioModel("b", "llm", ()),
        StudioModel("embed-c", "embedding", ("embed-c",)),
    ]  # fmt: skip
    assert [listed[0].is_named(name) for name in ("qwen/a", "qwen/a:2", "b")] == [True, True, False]
    assert await studio.load("b") == "b"
    await studio.unload("qwen/a:2")
    assert studio_server.log == ["load b", "unload qwen/a:2"]


async def test_what_cannot_be_done_is_a_failure(studio_server: StandIn, clients: Clients) -> None:
    """With the server's own words."""
    studio = LmStudio(clients, ProviderEndpoint("lmstudio", studio_server.url))
    with pytest.raises(CaseFailure, match="nothing is loaded as x"):
        await studio.unload("x")
    with pytest.raises(CaseFailure, match="insufficient memory"):
        await studio.load("too-large")


async def test_an_older_server_has_no_such_api(studio_server: StandIn, clients: Clients) -> None:
    """It says so with status 200; it may list its models all the same. A server that is not there is a failure."""
    studio_server.models = None
    studio = LmStudio(clients, ProviderEndpoint("lmstudio", studio_server.url))
    assert (await studio.models(), await studio.older_models()) == (None, None)
    studio_server.older_models = {"a": "loaded", "b": "not-loaded"}
    assert await studio.older_models() == [
        StudioModel("a", "llm", ("a",), sees=False), StudioModel("b", "llm", (), sees=False),
        StudioModel("embed", "embedding", (), sees=False),
    ]  # fmt: skip
    with pytest.raises(CaseFailure, match="Unexpected endpoint"):
        await studio.load("b")
    with pytest.raises(CaseFailure) as caught:
        await LmStudio(clients, ProviderEndpoint("lmstudio", "http://127.0.0.1:9/v1")).models()
    assert caught.value.error_type == "connection_refused"


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_path_that_is_refused_is_not_there(studio_server: StandIn, clients: Clients, status: int) -> None:
    """Whatever the status: another server at that address has no such API."""
    studio_server.models, studio_server.unknown_status = None, status
    assert await LmStudio(clients, ProviderEndpoint("lmstudio", studio_server.url)).models() is None


@pytest.mark.parametrize(
    "body", [[], {"data": [7, {"id": 3}]}, {"models": [7, {"loaded_instances": [1, {"id": 2}]}]}, {"models": None}]
)
async def test_misshapen_answers_are_read_as_far_as_they_go(
    studio_server: StandIn, clients: Clients, body: Any
) -> None:
    """Without a crash."""
    studio_server.models = {}
    studio = LmStudio(clients, ProviderEndpoint("lmstudio", studio_server.url))

    async def get(_path: str) -> Any:
        return body if isinstance(body, dict) else {}

    studio._get = get  # type: ignore[method-assign]
    for models in (await studio.models(), await studio.older_models()):
        assert models is None or all(model.instances == () for model in models)


async def test_whoever_can_load_is_found(studio_server: StandIn, clients: Clients, lms: StandInLms) -> None:
    """The REST API where there is one, else ``lms``; where neither can, nobody, with the reason."""
    endpoint = ProviderEndpoint("lmstudio", studio_server.url)
    assert isinstance((await open_studio(clients, endpoint)).studio, LmStudio)
    assert lms.log == []
    studio_server.models, studio_server.older_models = None, {"a": "loaded"}
    found = await open_studio(clients, endpoint)
    assert isinstance(found.studio, LmsProgram)
    assert [model.key for model in found.models or ()] == ["qwen/a", "b", "embed-c"]
    lms.break_down("no server there")
    found = await open_studio(clients, endpoint)
    assert (found.studio, [model.key for model in found.models or ()]) == (None, ["a", "embed"])
    assert found.why == "lms ls: no server there"
    lms.program.unlink()
    assert (await open_studio(clients, endpoint)).why == "the program lms, which could, is not there"
