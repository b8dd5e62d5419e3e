"""A chat model becomes a voice agent: `service.brain=chat`, by the installed command, over real sockets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import Cli, Finished, at_once, read_events, read_json
from scripted_chat import Piece, ScriptedChat, chunk, finish, refusal, serving_scripts, stream, words

from evalkit.service.child import launch

_SHIPPED = Path(__file__).parents[2] / "data" / "run"
_CASE = "sim_support_order_status"
_CANARY = "sk-canary-0123456789abcdefghijklmnop"
_HOLD_S = 6.0
_TOLD = "Let me tell you all about your order. It was packed on Monday by a colleague of mine. "


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """The base URL of a chat model in a process of its own."""
    with launch([sys.executable, str(Path(__file__).parent / "chat_model.py")], timeout_s=60) as served:
        yield served.url


def _brain(url: str, model: str = "house-model") -> list[str]:
    chosen = ["assistant=support", "report.plots=false", f"assistant.model={model}"]
    return [*chosen, f"service.brain_url={url}", "service.brain=chat"]


def _index(folder: Path) -> str:
    index = folder / "simulations.csv"
    index.write_text(f"simulation_id,simulation_path\n{_CASE},{_SHIPPED / _CASE}.json\n")
    return f"mode.data_csv={index}"


@dataclass(frozen=True)
class Calls:
    """Three calls, held at the same time.

    Attributes:
        whole: A whole shipped simulation, turn by turn.
        duplex: The same in full duplex.
        cut: A call whose caller interrupts.
        talker: The model that was interrupted.

    """

    whole: Finished
    duplex: Finished
    cut: Finished
    talker: ScriptedChat


@pytest.fixture(scope="module")
def calls(model_url: str, warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """Hold them."""
    clis = [Cli(tmp_path_factory.mktemp("chat_brain"), warm_env) for _ in range(3)]
    indexes = [_index(cli.cwd) for cli in clis]
    goes_on: list[Piece] = [piece for _ in range(300) for piece in (0.1, chunk({"content": "And so on, and on. "}))]
    script = stream(words(_TOLD), goes_on, finish())
    with serving_scripts(script, stream(words("It comes on Tuesday. Goodbye."), finish())) as talker:
        cut = ["turn_detection=server_vad", "simulator=interrupting", "max_turns=2", *_brain(talker.url, "talker")]
        held = at_once(
            lambda: clis[0]("mode=run", indexes[0], *_brain(model_url)),
            lambda: clis[1]("mode=run", indexes[1], *_brain(model_url), "turn_detection=semantic_vad"),
            lambda: clis[2]("mode=run", indexes[2], *cut),
        )
    return Calls(*held, talker)


@pytest.fixture
def finished(calls: Calls) -> Finished:
    """One whole shipped simulation."""
    return calls.whole


def test_a_whole_simulation_passes(finished: Finished) -> None:
    """The chat model is called, calls the tool, hears its answer, and says it; the caller and the judge are rules."""
    assert finished.code == 0, finished.err
    row = finished.rows[-1]
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["passed"]) == ("1", "1", "1")
    assert "out for delivery" in " ".join(row["assistant_text"] for row in finished.rows)
    assert {row["cost_usd"] for row in finished.rows} == {""}  # nobody knows what the endpoint costs


def test_the_record_says_who_thought_and_how(finished: Finished) -> None:
    """The brain, where it is, its model, how it was told of tools, and the tokens that it counted."""
    record = read_json(finished.directory / "records" / f"{_CASE}.json")
    assert record["settings"]["service"]["brain"] == "chat"
    assert record["settings"]["service"]["brain_url"].endswith("/v1")
    assert record["settings"]["assistant"]["model"] == "house-model"
    assert {turn["labels"]["tool_mode"] for turn in record["turns"]} == {"native"}
    assert all(turn["usage"]["output_tokens"] for turn in record["turns"])
    assert record["cost_usd"]["assistant"] is None


def test_resume_refuses_another_brain(finished: Finished, cli: Cli) -> None:
    """It is another run."""
    done = cli("resume", str(finished.directory), "service.brain_url=http://127.0.0.1:1/v1")
    assert done.code != 0
    assert "would make it another run" in done.err


def test_in_full_duplex_and_in_writing(calls: Calls, cli: Cli, model_url: str, tmp_path: Path) -> None:
    """The same call, where the service takes the turns, and where nobody speaks."""
    for done in (calls.duplex, cli("mode=run", _index(tmp_path), *_brain(model_url), "input=text")):
        assert done.code == 0, done.err
        assert done.rows[-1]["passed"] == "1"


def _at(role: str, url: str) -> list[str]:
    return [
        f"provider@{role}.provider=compatible", f"{role}.provider.base_url={url}", f"{role}.provider.text_api=chat",
    ]  # fmt: skip


def test_the_same_model_plays_the_caller_and_judges(cli: Cli, model_url: str, tmp_path: Path) -> None:
    """By its own address, the judge under a strict schema; and both through the service."""
    for where in ([*_at("simulator", model_url), *_at("judge", model_url)], []):
        asks = ["simulator.kind=text", "simulator.model=house-caller", "judge.model=house-judge", *where]
        done = cli("mode=run", _index(tmp_path), *_brain(model_url), *asks)
        assert done.code == 0, done.err
        assert (done.rows[-1]["passed"], done.rows[-1]["day_told_grade"]) == ("1", "1")


def test_the_first_sentence_is_heard_while_the_last_is_written(cli: Cli) -> None:
    """By the clock of the client: the model holds its last words back for longer than all else takes."""
    script = stream(words("I am going to look that up for you. "), _HOLD_S, words("There."), finish())
    with serving_scripts(script) as server:
        done = cli("mode=crawl", "max_examples=1", "+service.brain_options.seed=7", *_brain(server.url, "slow"))
    assert done.code in (0, 1), done.err
    assert [asked["seed"] for asked in server.asked] == [7]
    (row,) = done.rows
    assert row["assistant_text"] == "I am going to look that up for you. There."
    assert float(row["latency_first_audio_ms"]) < _HOLD_S * 1000 < float(row["latency_response_done_ms"])


def test_who_interrupts_makes_the_model_stop_writing(calls: Calls) -> None:
    """In full duplex: its endpoint is hung up on, and is told then of no more than the caller has heard."""
    assert calls.cut.code in (0, 1), calls.cut.err
    assert calls.talker.was_left.is_set()
    asked = calls.talker.asked[1:]
    said = [each["content"] for one in asked for each in one["messages"] if each["role"] == "assistant"]
    cut = next(one for one in said if one.endswith("[interrupted]"))
    assert cut.startswith("Let me tell you all")
    assert len(cut) < len(_TOLD) + 200


def test_a_model_without_tools_is_graded_and_marked(cli: Cli) -> None:
    """It is told of them in words; the record says so, for its grades are not those of the other way."""
    answer = {"say": "", "call": {"name": "get_order_status", "arguments": {"order_id": "48213"}}}
    no_tools = refusal(400, {"error": {"message": "this model does not support tools"}})
    with serving_scripts(no_tools, stream(words(json.dumps(answer)), finish())) as server:
        done = cli("mode=crawl", "max_examples=1", *_brain(server.url, "plain"))
    assert done.code == 0, done.err
    (row,) = done.rows
    assert (row["tool_call_grade"], row["tool_call_args_grade"]) == ("1", "1")
    record = read_json(done.directory / "records" / f"{row['example_id']}.json")
    assert record["turns"][0]["labels"] == {"tool_mode": "json"}
    assert done.summary["tool_modes"] == {"json": 1}
    assert "tool_mode json" in done.err


def test_a_model_that_writes_its_calls_is_graded_and_marked(cli: Cli) -> None:
    """Whether it was told by the API's own field or, because it is to be, in words."""
    written = '{"name": "get_order_status", "arguments": {"order_id": "48213"}}'
    for how, mode in (("native", "written"), ("json", "json")):
        with serving_scripts(stream(words(f"```json\n{written}\n```"), finish())) as server:
            asks = [*_brain(server.url, "small"), f"service.brain_tools={how}"]
            done = cli("mode=crawl", "max_examples=1", "input=text", *asks)
        assert done.code == 0, done.err
        assert ["tools" in asked for asked in server.asked] == [how == "native"]
        assert (done.rows[-1]["tool_call_grade"], done.rows[-1]["tool_call_args_grade"]) == ("1", "1")
        assert done.summary["tool_modes"] == {mode: 1}
        assert f"tool_mode {mode}" in done.err


@pytest.mark.parametrize(("status", "error_type"), [(401, "authentication_failed"), (400, "invalid_request")])
def test_a_failure_of_the_endpoint_is_nobodys_grade(cli: Cli, status: int, error_type: str) -> None:
    """It is infrastructure, in the endpoint's words, and the key that it quotes back at us stands nowhere."""
    with serving_scripts(refusal(status, {"error": {"message": f"you sent {_CANARY}"}})) as server:
        asks = [*_brain(server.url, "m"), "service.brain_api_key_env=BRAIN_KEY"]
        done = cli("mode=crawl", "max_examples=1", *asks, BRAIN_KEY=_CANARY)
    assert done.code == 3, done.err
    (row,) = done.rows
    assert (row["fault"], row["error_type"], row["passed"]) == ("infrastructure", error_type, "")
    assert f"Bearer {_CANARY}" in server.keys
    left = [path for path in done.directory.rglob("*") if path.is_file() and _CANARY.encode() in path.read_bytes()]
    assert left == []
    assert _CANARY not in done.out + done.err
    assert read_events(done.directory, row["example_id"])


def test_what_is_missing_is_said_before_anything_starts(cli: Cli) -> None:
    """The address, and whom to ask there."""
    done = cli("check", "mode=crawl", "service.brain=chat", "assistant.model=gpt-9")
    assert (done.code, "service.brain_url: null" in done.err) == (2, True)
    done = cli("check", "mode=crawl", "service.brain=chat", "service.brain_url=http://127.0.0.1:1234/v1")
    assert (done.code, "assistant.model=NAME" in done.err) == (2, True)
