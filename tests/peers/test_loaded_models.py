"""What a run loads at LM Studio, it unloads: at its end, after a failure, and after a process that was killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stand_ins import StandIn, StandInLms, standing_in

from evalkit.errors import ConfigError, ServiceStartError
from evalkit.peers.loaded_models import holding_models
from evalkit.peers.unloading import NOTE_NAME
from evalkit.providers.clients import Clients
from evalkit.settings.types import ModelSettings, ProviderSettings


@dataclass(frozen=True)
class Role:
    provider: ProviderSettings
    model: str | None


@pytest.fixture
def studio() -> Iterator[StandIn]:
    with standing_in() as server:
        server.models = {"a": [], "b": [], "too-large": [], "embed": ["embed"]}
        yield server


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients({}, timeout_s=5)
    yield instance
    await instance.aclose()


def role(url: str, model: str = "a", name: str = "lmstudio") -> Role:
    return Role(ProviderSettings(name, url, None, None, None, ModelSettings(), "chat"), model)


async def test_a_model_is_there_while_the_run_lasts(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """It is noted in the run's directory for as long, and what else was loaded makes room; an embedding model stays."""
    assert studio.models is not None
    studio.models["b"] = ["b", "b:2"]
    said: list[str] = []
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, said.append):
        assert studio.log == ["unload b", "unload b:2", "load a"]
        noted = json.loads((tmp_path / NOTE_NAME).read_text(encoding="utf-8"))
        assert noted == {"loaded": [{"base_url": studio.url, "model": "a", "instance": "a", "api_key_env": None}]}
    assert studio.log[3:] == ["unload a"]
    assert not (tmp_path / NOTE_NAME).exists()
    assert studio.models["embed"] == ["embed"]
    assert any("loading a" in line for line in said)


async def test_what_was_loaded_already_is_used_and_stays(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """And so does what else is loaded: nothing needs room."""
    assert studio.models is not None
    studio.models |= {"a": ["a:7"], "b": ["b"]}
    async with holding_models({"assistant": role(studio.url, "a:7")}, clients, tmp_path, print):
        pass
    assert studio.log == []
    assert not (tmp_path / NOTE_NAME).exists()


async def test_two_roles_have_their_models_at_once(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """The one does not make room for the other, and what both ask is loaded once."""
    roles = {"assistant": role(studio.url, "a"), "judge": role(studio.url, "b"), "simulator": role(studio.url, "a")}
    async with holding_models(roles, clients, tmp_path, print):
        assert studio.log == ["load a", "load b"]
    assert studio.log[2:] == ["unload a", "unload b"]


async def test_a_run_that_fails_unloads_too(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """Whatever ends it."""
    for error in (RuntimeError, KeyboardInterrupt, asyncio.CancelledError):
        with pytest.raises(error):
            async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, print):
                raise error
    assert studio.log == ["load a", "unload a"] * 3


@pytest.mark.parametrize("instance", ["a", None])
async def test_what_a_killed_process_left_is_used_and_unloaded(
    studio: StandIn, clients: Clients, tmp_path: Path, instance: str | None
) -> None:
    """Also where it was killed while it loaded it, and the id was not known yet."""
    assert studio.models is not None
    studio.models["a"] = ["a"]
    entry = {"base_url": studio.url, "model": "a", "instance": instance}
    (tmp_path / NOTE_NAME).write_text(json.dumps({"loaded": [entry]}), encoding="utf-8")
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, print):
        assert studio.log == []
    assert studio.log == ["unload a"]
    assert not (tmp_path / NOTE_NAME).exists()


async def test_a_run_with_nothing_left_to_ask_only_unloads(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """It loads nothing; and what was noted and is gone by itself is no trouble."""
    assert studio.models is not None
    studio.models["a"] = ["a", "a:2"]
    entries = [{"base_url": studio.url, "model": model, "instance": model} for model in ("a", "b")]
    (tmp_path / NOTE_NAME).write_text(json.dumps({"loaded": entries}), encoding="utf-8")
    async with holding_models({}, clients, tmp_path, print):
        pass
    assert (studio.log, studio.models["a"]) == (["unload a"], ["a:2"])
    assert not (tmp_path / NOTE_NAME).exists()


async def test_a_model_that_is_gone_again_is_loaded_again(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """A note is no proof that it is there."""
    entry = {"base_url": studio.url, "model": "a", "instance": "a"}
    (tmp_path / NOTE_NAME).write_text(json.dumps({"loaded": [entry]}), encoding="utf-8")
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, print):
        assert len(json.loads((tmp_path / NOTE_NAME).read_text(encoding="utf-8"))["loaded"]) == 1
    assert studio.log == ["load a", "unload a"]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"loaded": 7}', '{"loaded": [{"model": "a"}]}'])
async def test_a_broken_note_is_none(studio: StandIn, clients: Clients, tmp_path: Path, note: str) -> None:
    """It only helps, so it never stands in the way."""
    (tmp_path / NOTE_NAME).write_text(note, encoding="utf-8")
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, print):
        pass
    assert studio.log == ["load a", "unload a"]


async def test_what_cannot_be_unloaded_stays_noted(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """With a word on what to do, and without failing a run that is done."""
    said: list[str] = []
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, said.append):
        studio.refuses_to_unload = True
    assert "lms unload" in said[-1]
    assert (tmp_path / NOTE_NAME).exists()


async def test_a_model_that_is_not_there_is_the_users_mistake(
    studio: StandIn, clients: Clients, tmp_path: Path
) -> None:
    """With those that are, and nothing is unloaded for it."""
    assert studio.models is not None
    studio.models["b"] = ["b"]
    with pytest.raises(ConfigError, match=r"has no model 'aa'; did you mean 'a'\?; it has a, b, too-large"):
        async with holding_models({"assistant": role(studio.url, "aa")}, clients, tmp_path, print):
            pass
    assert studio.log == []


async def test_a_server_that_cannot_serve_is_said_so(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """One that is not there, and one that cannot load the model; nothing stays noted."""
    with pytest.raises(ServiceStartError, match="lms server start"):
        async with holding_models({"assistant": role("http://127.0.0.1:9/v1")}, clients, tmp_path, print):
            pass
    with pytest.raises(ServiceStartError, match="insufficient memory"):
        async with holding_models({"assistant": role(studio.url, "too-large")}, clients, tmp_path, print):
            pass
    assert not (tmp_path / NOTE_NAME).exists()


async def test_an_older_server_loads_by_itself(
    studio: StandIn, clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said, since nothing will be unloaded; a name that it does not list is the user's mistake there too."""
    monkeypatch.setattr("evalkit.providers.lmstudio.find_lms", lambda _: None)
    studio.models = None
    said: list[str] = []
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, said.append):
        pass
    assert "no API to load models" in said[0]
    studio.older_models = {"a": "not-loaded"}
    async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, said.append):
        pass
    assert len(said) == 2
    with pytest.raises(ConfigError, match=r"has no model 'b'; it has a$"):
        async with holding_models({"assistant": role(studio.url, "b")}, clients, tmp_path, said.append):
            pass


async def test_an_older_server_is_served_by_its_program(
    studio: StandIn, clients: Clients, tmp_path: Path, lms: StandInLms
) -> None:
    """Which loads, makes room and unloads as the REST API does; what it cannot load ends the run."""
    studio.models = None
    said: list[str] = []
    async with holding_models({"assistant": role(studio.url, "b")}, clients, tmp_path, said.append):
        assert lms.models == {"qwen/a": [], "b": ["b"], "embed-c": []}
    assert lms.log == ["unload qwen/a", "load b", "unload b"]
    assert not (tmp_path / NOTE_NAME).exists()
    with pytest.raises(ConfigError, match="has no model 'bb'; did you mean 'b'"):
        async with holding_models({"assistant": role(studio.url, "bb")}, clients, tmp_path, said.append):
            pass


async def test_other_providers_are_left_alone(studio: StandIn, clients: Clients, tmp_path: Path) -> None:
    """Even at the same address."""
    async with holding_models({"assistant": role(studio.url, "a", "compatible")}, clients, tmp_path, print):
        pass
    assert studio.log == []


async def test_an_interruption_while_it_loads_leaves_a_note(
    studio: StandIn, clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LM Studio goes on loading when nobody waits, so whoever resumes the run unloads it."""

    async def never(_self: object, _key: str) -> str:
        raise asyncio.CancelledError

    monkeypatch.setattr("evalkit.providers.lmstudio.LmStudio.load", never)
    said: list[str] = []
    with pytest.raises(asyncio.CancelledError):
        async with holding_models({"assistant": role(studio.url)}, clients, tmp_path, said.append):
            pass
    assert "still being loaded" in said[-1]
    assert json.loads((tmp_path / NOTE_NAME).read_text(encoding="utf-8"))["loaded"][0]["instance"] is None
