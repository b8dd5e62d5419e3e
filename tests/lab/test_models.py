"""Which models there are, and what LM Studio has, against a server that plays it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from stand_ins import StandIn, standing_in

from evalkit.lab.models import (
    ProviderPreset,
    describe_model,
    describe_studio,
    list_models,
    list_providers,
    list_studio,
    shipped_prices,
    studio_url,
)
from evalkit.providers.prices import ModelPrice, Prices
from evalkit.providers.studio_models import StudioModel

CANARY = "sk-canary-0123456789"


@pytest.fixture
def studio() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


def test_presets_say_whether_their_key_is_there(tmp_path: Path) -> None:
    """In the environment or in ``.env``; the key itself is in nothing."""
    (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY={CANARY}\nAZURE_OPENAI_API_KEY=\n", encoding="utf-8")
    presets = {preset.name: preset for preset in list_providers(tmp_path, {"OPENAI_API_KEY": CANARY})}
    assert {"local", "openai", "openrouter", "azure", "lmstudio"} <= presets.keys()
    assert "replay" not in presets
    has_key = {name: preset.has_key for name, preset in presets.items() if preset.api_key_env}
    assert has_key == {"openai": True, "openrouter": True, "azure": False}
    assert CANARY not in repr(presets)
    assert presets["local"].about.startswith("The embedded provider")
    assert presets["local_faulty"].about.startswith("The embedded provider, unreliable")
    assert presets["local_faulty"].models["judge"] == "local-judge"
    assert presets["openai"].models["judge"] == "gpt-4.1-mini"
    assert studio_url(presets.values()) == "http://127.0.0.1:1234/v1"
    assert studio_url([presets["openai"]]) == ""


def test_no_file_with_keys_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00bad")
    assert not any(preset.has_key for preset in list_providers(tmp_path, {}))


def test_models_are_known_from_presets_prices_and_runs(tmp_path: Path) -> None:
    """Those that ran first; what is priced by the beginning of a name has its price and no row of its own."""
    preset = ProviderPreset(
        "here", "", None, None, has_key=False, text_api="chat", models={"assistant": "local-a", "judge": "local-a"}
    )
    other = ProviderPreset("there", "", None, None, has_key=False, text_api="chat", models={"assistant": "dear"})
    prices = Prices("2026-11-21", {"local-*": ModelPrice(free=True), "dear": ModelPrice(text_input=9)})
    models = list_models([preset, other], ["maker/x", "", "dear"], prices)
    assert [(model.name, model.providers, model.roles, model.has_run) for model in models] == [
        ("dear", ("there",), ("assistant",), True),
        ("maker/x", (), (), True),
        ("local-a", ("here",), ("assistant", "judge"), False),
    ]
    assert [model.price for model in models] == [ModelPrice(text_input=9), None, ModelPrice(free=True)]
    shipped = list_models(list_providers(tmp_path, {}), (), shipped_prices())
    assert {"gpt-realtime", "local-agent"} <= {model.name for model in shipped}


def test_what_only_the_maker_knows_is_null() -> None:
    """And what LM Studio knows is told where it has the model."""
    prices = Prices("2026-11-21", {"dear": ModelPrice(text_input=9, text_output=18)})
    (model,) = list_models([], [], prices)
    told = describe_model(model, prices.as_of)
    assert told["model_id"] == "dear"
    assert told["supports_thinking"] is None
    assert told["supported_parameters"] == ["max_output_tokens", "reasoning_effort", "temperature"]
    assert told["price_usd"]["text_output"] == 18
    assert (told["context_length"], told["is_loaded"]) == (None, None)
    told = describe_model(model, prices.as_of, StudioModel("dear", "llm", (), context_length=99, calls_tools=True))
    assert (told["context_length"], told["is_loaded"], told["calls_tools"]) == (99, False, True)


def test_lm_studio_is_asked_by_either_api(studio: StandIn) -> None:
    """What is loaded stands first; an older server is told from one that can load."""
    studio.models = {"a": [], "embed": ["embed"], "b": ["b", "b:2"]}
    listing = list_studio(studio.url)
    assert ([model.key for model in listing.models], listing.can_load, listing.loaded) == (["b", "embed", "a"], True, 2)
    assert describe_studio(listing)["models"][0] == {
        "id": "b", "context_length": None, "kind": "llm", "is_loaded": True, "instances": ["b", "b:2"], "title": "",
        "quantization": "", "size_bytes": None, "sees": None, "calls_tools": None,
    }  # fmt: skip
    studio.models, studio.older_models = None, {"c": "loaded"}
    listing = list_studio(studio.url)
    assert ([model.key for model in listing.models], listing.can_load) == (["c", "embed"], False)


def test_another_server_is_not_lm_studio(studio: StandIn) -> None:
    for status in (200, 404):
        studio.unknown_status = status
        assert "another server" in list_studio(studio.url).trouble


def test_a_server_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As is one that is silent, one that hangs up, and one that never ends; none is waited for."""
    monkeypatch.setattr("evalkit.lab.models._TIMEOUT_S", 0.1)
    monkeypatch.setattr("evalkit.lab.models._MAX_BYTES", 1_000)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        assert list_studio(url).trouble == "no server listens there"
        unused.listen()
        assert list_studio(url).trouble == "no answer within 0.1 s"
    for said, trouble in (
        (b"", "no usable answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n{" + b"x" * 9_000, "another server answers there, not LM Studio's"),
    ):
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=_answer, args=(server, said), daemon=True).start()
            assert list_studio(f"http://127.0.0.1:{server.getsockname()[1]}/v1").trouble.startswith(trouble)


def _answer(server: socket.socket, said: bytes) -> None:
    """Say it to whoever asks, until the server is closed; one who has given up does not hear it."""
    while server.fileno() >= 0:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)
