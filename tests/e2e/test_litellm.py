"""LiteLLM's realtime proxy in front of the embedded service: what it passes on is graded as without it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Cli, Finished, read_events, read_json
from server_environments import LITELLM, free_port, serving

_SHIPPED = Path(__file__).parents[2] / "data" / "run"
_CASE = "sim_support_order_status"
_KEY = "sk-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
_PLAIN = ["assistant=support", "report.plots=false"]


@pytest.fixture(scope="module")
def proxy_url(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running proxy: `agent` is the service's, `gone` is served by nobody."""
    folder, port = tmp_path_factory.mktemp("litellm"), free_port()
    places = {"agent": service_url, "gone": f"http://127.0.0.1:{free_port()}/v1"}
    models = [
        {"model_name": name, "litellm_params": {"model": "openai/local-agent", "api_base": url, "api_key": "none"}}
        for name, url in places.items()
    ]
    (folder / "config.yaml").write_text(json.dumps({"model_list": models}))  # JSON is YAML
    program = LITELLM.python().with_name("litellm")
    command = [str(program), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, folder, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MASTER_KEY=_KEY):
        yield f"http://127.0.0.1:{port}/v1"


def _through(proxy_url: str, model: str = "agent") -> list[str]:
    return [
        *_PLAIN, "provider@assistant.provider=compatible", f"assistant.provider.base_url={proxy_url}",
        "assistant.provider.api_key_env=PROXY_KEY", f"assistant.model={model}",
    ]  # fmt: skip


def _received(done: Finished, case: str) -> Counter[str]:
    """What came over the assistant's connection, but for how sound and words were cut into pieces.

    Nor does it count what only the embedded provider is asked for by itself: the words of the caller.
    """
    events = [each for each in read_events(done.directory, case) if each["source"] == "assistant"]
    kinds = Counter(each["type"] for each in events if each["direction"] == "received")
    left_out = (".delta", "input_audio_transcription.completed")
    return Counter({kind: number for kind, number in kinds.items() if not kind.endswith(left_out)})


def test_turns_that_are_ours(cli: Cli, proxy_url: str) -> None:
    """The same words, calls and grades as from the service itself, and no event lost or added."""
    asked = ["mode=crawl", "max_examples=2"]
    plain, passed_on = cli(*asked, *_PLAIN), cli(*asked, *_through(proxy_url), PROXY_KEY=_KEY)
    assert (plain.code, passed_on.code) == (0, 0), passed_on.err
    for one, other in zip(plain.rows, passed_on.rows, strict=True):
        same = ("assistant_text", "pred_tool_call", "pred_tool_call_arg", "tool_call_grade", "passed", "output_tokens")
        assert {name: one[name] for name in same} == {name: other[name] for name in same}
        case = next(iter(one.values()))
        assert _received(plain, case) == _received(passed_on, case)
    assert all(row["passed"] == "1" for row in passed_on.rows)


def test_it_answers_by_itself_what_was_transcribed(cli: Cli, proxy_url: str) -> None:
    """The proxy asks for a response of its own then: refused, with what to leave out."""
    asked = ["mode=crawl", "max_examples=1", "assistant.transcription_model=local-transcription"]
    done = cli(*asked, *_through(proxy_url), PROXY_KEY=_KEY)
    assert done.code == 3
    assert "a response is under way which nobody asked for" in done.err
    assert "leave assistant.transcription_model out" in done.err


def test_a_call_in_full_duplex(cli: Cli, proxy_url: str, tmp_path: Path) -> None:
    """Turn detection is the service's, behind the proxy; the call is held and graded."""
    index = tmp_path / "simulations.csv"
    index.write_text(f"simulation_id,simulation_path\n{_CASE},{_SHIPPED / _CASE}.json\n")
    asked = ["mode=run", "turn_detection=server_vad", f"mode.data_csv={index}"]
    done = cli(*asked, *_through(proxy_url), PROXY_KEY=_KEY)
    assert done.code == 0, done.err
    record = read_json(done.directory / "records" / f"{_CASE}.json")
    assert (record["failure"], record["notes"]["ended_by"]) == (None, "caller")
    assert (done.rows[-1]["tool_call_grade"], done.rows[-1]["passed"]) == ("1", "1")
    assert _received(done, _CASE)["input_audio_buffer.speech_started"] >= 1


@pytest.mark.parametrize(
    ("model", "key", "sentence"),
    [
        ("nobody", _KEY, "Invalid model name"),
        ("gone", _KEY, "Connection refused"),
        ("agent", "sk-wrong", "authentication_failed at connect"),
    ],
)
def test_what_the_proxy_cannot_do(cli: Cli, proxy_url: str, model: str, key: str, sentence: str) -> None:
    """Its own trouble is nobody's grade, and is told in its own words, without the key."""
    settings = _through(proxy_url, model)
    done = cli("mode=crawl", "max_examples=1", "limits.max_attempts=1", *settings, PROXY_KEY=key)
    assert done.code == 3, done.err
    (row,) = done.rows
    assert (row["fault"], row["passed"]) == ("infrastructure", "")
    assert sentence in done.err
    assert key not in done.out + done.err
