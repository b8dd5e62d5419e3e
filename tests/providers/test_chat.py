"""Text through chat completions: streams, whole answers, and how each way of failing ends."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from fake_clock import FakeClock

from evalkit.errors import CaseFailure
from evalkit.providers.chat import ChatModel
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.text_model import MAX_ANSWER_CHARACTERS, AnswerCut
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.record import Usage
from evalkit.settings.types import LLM_PROVIDERS

if TYPE_CHECKING:
    from conftest import FakeEndpoint

KEY = "sk-canary-0123456789abcdef"
USAGE = {
    "prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42, "cost": 0.00042,
    "prompt_tokens_details": {"cached_tokens": 10}, "completion_tokens_details": {"reasoning_tokens": 7},
}  # fmt: skip


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "served-1", "choices": [choice]}


def events(*chunks: Any, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(one)}\n\n" for one in chunks] + ["data: [DONE]\n\n"] * done
    return (": OPENROUTER PROCESSING\n\n" + "".join(lines)).encode()


def completion(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    base = {"id": "c", "object": "chat.completion", "created": 0, "model": "served-1", "choices": [choice]}
    return {**base, "usage": USAGE}


def streaming(server: FakeEndpoint, *chunks: Any, done: bool = True) -> None:
    server.say(200, events(*chunks, done=done), "text/event-stream")


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients({"TEST_KEY": KEY}, timeout_s=2)
    yield instance
    await instance.aclose()


@pytest.fixture
def model(server: FakeEndpoint, clients: Clients) -> ChatModel:
    endpoint = ProviderEndpoint("compatible", server.base_url, "TEST_KEY")
    return ChatModel(clients, endpoint, "asked", stage=Stage.RESPONSE_ERROR)


async def failure_of(model: ChatModel) -> CaseFailure:
    with pytest.raises(CaseFailure) as caught:
        await model.ask("Be brief.", "Hi")
    assert KEY not in str(caught.value)
    return caught.value


def fault_of(failure: CaseFailure) -> Fault:
    return decide_fault(Failure.of(failure))


async def test_a_stream_becomes_one_answer(server: FakeEndpoint, model: ChatModel) -> None:
    """Words, tokens, cost, model and why it ended; what was asked is asked as a stream with its usage."""
    streaming(
        server, chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo."), chunk("stop"),
        {"id": "c", "model": "served-1", "choices": [], "usage": USAGE},
    )  # fmt: skip
    answer = await model.ask("Be brief.", "Hi", temperature=0.0, max_output_tokens=9, reasoning_effort="low", seed=7)
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].json == {
        "model": "asked", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.0,
        "max_tokens": 9, "reasoning_effort": "low", "seed": 7,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }  # fmt: skip
    assert (answer.text, answer.model, answer.finish, answer.cut_off) == ("Hello.", "served-1", "stop", False)
    assert answer.usage == Usage(
        input_tokens=30, output_tokens=12, input_text_tokens=30, input_cached_tokens=10, output_text_tokens=12,
        output_reasoning_tokens=7,
    )  # fmt: skip
    assert answer.cost_usd == 0.00042


async def test_what_is_not_set_is_not_sent(server: FakeEndpoint, model: ChatModel) -> None:
    """Neither an empty instruction nor a null: the endpoint's own default holds."""
    streaming(server, chunk("stop", content="Hello."))
    await model.ask("", [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}], temperature=None)
    assert set(server.asked[0].json) == {"model", "messages", "stream", "stream_options"}
    assert [one["role"] for one in server.asked[0].json["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("name", "field"), [("openrouter", {"reasoning": {"effort": "high"}}), ("lmstudio", {"reasoning_effort": "high"})]
)
async def test_effort_is_asked_for_in_the_endpoints_words(
    server: FakeEndpoint, clients: Clients, name: str, field: dict[str, Any]
) -> None:
    """OpenRouter has an object of its own for it."""
    streaming(server, chunk("stop", content="Hello."))
    await ChatModel(clients, ProviderEndpoint(name, server.base_url), "m").ask("", "Hi", reasoning_effort="high")
    assert field.items() <= server.asked[0].json.items()


@pytest.mark.parametrize("name", LLM_PROVIDERS)
async def test_a_model_on_this_machine_is_asked_for_what_can_be_repeated(
    server: FakeEndpoint, clients: Clients, name: str
) -> None:
    """It answers as if it had read nothing before; no other endpoint is told of that."""
    streaming(server, chunk("stop", content="Hello."))
    await ChatModel(clients, ProviderEndpoint(name, server.base_url), "m").ask("", "Hi")
    assert server.asked[0].json["cache_prompt"] is False


async def test_the_first_token_is_timed(server: FakeEndpoint, clients: Clients) -> None:
    """From the request to the first piece of reasoning or answer, and not to an empty one."""

    class Ticking(FakeClock):
        def now(self) -> float:
            self.ticks = getattr(self, "ticks", 0) + 1
            return float(self.ticks)

    streaming(server, chunk(role="assistant", content=""), chunk(reasoning="Hm"), chunk(content="Hi"), chunk("stop"))
    timed = ChatModel(clients, ProviderEndpoint("compatible", server.base_url), "m", clock=Ticking())
    assert (await timed.ask("", "Hi")).first_token_ms == 1000.0


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "I think."},
        {"reasoning_content": "I think."},
        {"reasoning_details": [{"type": "reasoning.text", "text": "I think."}]},
        {"reasoning": "I think.", "reasoning_details": [{"type": "reasoning.summary", "summary": "I think."}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "xyz"}, {"summary": "I think."}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "I think."}]}]},
        {"content": "<think>\nI think.\n</think>\n\n"},
        {"content": "I think.\n</think>\n"},
    ],
)
async def test_reasoning_is_kept_apart(server: FakeEndpoint, model: ChatModel, delta: dict[str, Any]) -> None:
    """In whichever field an endpoint puts it, once, and never in the answer."""
    streaming(server, chunk(**delta), chunk(content="Forty-two."), chunk("stop"))
    answer = await model.ask("", "Hi")
    assert (answer.text, answer.reasoning) == ("Forty-two.", "I think.")


async def test_a_whole_answer_is_read_too(server: FakeEndpoint, model: ChatModel) -> None:
    """From an endpoint that does not stream, with its reasoning and its usage."""
    server.say_json(completion([{"type": "text", "text": "Hello."}], reasoning_content="Hm."))
    answer = await model.ask("", "Hi")
    assert (answer.text, answer.reasoning, answer.first_token_ms) == ("Hello.", "Hm.", None)
    assert answer.usage.output_reasoning_tokens == 7


async def test_no_usage_is_unknown_and_never_zero(server: FakeEndpoint, model: ChatModel) -> None:
    """Nor is its cost."""
    streaming(server, chunk("stop", content="Hello."))
    answer = await model.ask("", "Hi")
    assert (answer.usage, answer.cost_usd) == (Usage(), None)


async def test_an_answer_that_was_cut_off_says_so(server: FakeEndpoint, model: ChatModel) -> None:
    """A thought that never came to an end leaves no answer."""
    streaming(server, chunk(content="<think>Let me"), chunk("length"))
    answer = await model.ask("", "Hi")
    assert (answer.text, answer.reasoning, answer.cut_off) == ("", "Let me", True)


async def test_a_refusal_is_told_from_an_answer(server: FakeEndpoint, model: ChatModel) -> None:
    """What a model says when it declines is kept, and is no answer."""
    streaming(server, chunk(refusal="I can't."), chunk("stop"))
    answer = await model.ask("Judge.", "Hi", schema={"type": "object"})
    assert (answer.refused, answer.parsed, answer.text) == (True, None, "I can't.")


async def test_a_schema_constrains(server: FakeEndpoint, model: ChatModel) -> None:
    """And an endpoint that takes none is asked in words."""
    schema = {"type": "object", "required": ["grade"]}
    server.answer = lambda asked: (
        (400, {"error": {"message": "response_format is not supported"}})
        if "response_format" in asked
        else (200, completion('{"grade": 1}'))
    )
    assert (await model.ask("Judge.", "Hi", schema=schema)).parsed == {"grade": 1}
    wanted = {"name": "answer", "schema": schema, "strict": True}
    assert server.asked[0].json["response_format"] == {"type": "json_schema", "json_schema": wanted}
    assert json.dumps(schema) in server.asked[1].json["messages"][0]["content"]


async def test_fields_that_an_endpoint_refuses_are_left_out(server: FakeEndpoint, model: ChatModel) -> None:
    """The limit goes out under its other name, usage is not asked for; then and from then on."""

    def answer(asked: Any) -> tuple[int, Any]:
        for name in ("stream_options", "max_tokens"):
            if name in asked:
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'", "code": "unsupported_parameter"}}
        return 200, completion("Hello.")

    server.answer = answer
    for _ in range(2):
        assert (await model.ask("", "Hi", max_output_tokens=9)).text == "Hello."
    assert len(server.asked) == 4
    assert server.asked[-1].json["max_completion_tokens"] == 9
    server.answer = lambda _: (400, {"error": {"message": "max_completion_tokens is too large", "code": "too_large"}})
    with pytest.raises(CaseFailure):
        await model.ask("", "Hi", max_output_tokens=9)


async def test_hosted_models_are_limited_by_the_newer_name(server: FakeEndpoint, clients: Clients) -> None:
    """Those of `openai` refuse the older one."""
    streaming(server, chunk("stop", content="Hello."))
    await ChatModel(clients, ProviderEndpoint("openai", server.base_url), "m").ask("", "Hi", max_output_tokens=9)
    assert server.asked[0].json["max_completion_tokens"] == 9


async def test_azure_is_asked_at_its_own_paths(server: FakeEndpoint, clients: Clients) -> None:
    """The general one and the dated one, each with its key in its header."""
    streaming(server, chunk("stop", content="Hello."))
    for version in (None, "2025-04-01-preview"):
        endpoint = ProviderEndpoint("azure", server.root, "TEST_KEY", version)
        assert (await ChatModel(clients, endpoint, "m").ask("", "Hi")).text == "Hello."
    assert [asked.path for asked in server.asked] == [
        "/openai/v1/chat/completions",
        "/openai/deployments/m/chat/completions?api-version=2025-04-01-preview",
    ]
    assert {asked.headers["api-key"] for asked in server.asked} == {KEY}


@pytest.mark.parametrize(
    ("status", "error", "kind", "wait_s"),
    [
        (400, {"message": "no", "code": 400}, "invalid_request", None),
        (401, {"message": f"no {KEY}", "code": 401}, "authentication_failed", None),
        (402, {"message": "Insufficient credits", "code": 402}, "insufficient_quota", None),
        (403, {"message": "no", "code": 403}, "authentication_failed", None),
        (403, {"message": "flagged", "code": 403, "metadata": {"reasons": ["x"]}}, "input_flagged", None),
        (404, {"message": "No endpoints found for m", "code": 404}, "not_found", None),
        (429, {"message": "slow", "code": 429}, "rate_limited", 7.0),
        (500, {"message": "oops", "code": 500}, "server_error", 7.0),
        (503, {"message": "nobody", "code": 503}, "server_error", 7.0),
    ],
)
async def test_a_refused_request_has_its_kind(
    server: FakeEndpoint, model: ChatModel, status: int, error: dict[str, Any], kind: str, wait_s: float | None
) -> None:
    """Each is the provider's trouble or the key's, and never the model's; a wait that is asked for travels."""
    server.say_json({"error": error}, status, **{"Retry-After": "7"})
    failure = await failure_of(model)
    assert (failure.error_type, failure.retry_after_s) == (kind, wait_s)
    assert fault_of(failure) is Fault.INFRASTRUCTURE
    assert len(server.asked) == 1


async def test_a_wait_that_an_aggregator_passes_on_counts(server: FakeEndpoint, model: ChatModel) -> None:
    """OpenRouter keeps the header of whoever it asked in the error's metadata."""
    metadata = {"provider_name": "Some", "headers": {"Retry-After": "17"}}
    server.say_json({"error": {"message": "Provider returned error", "code": 429, "metadata": metadata}}, 429)
    assert (await failure_of(model)).retry_after_s == 17.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 402, "message": "Insufficient credits"}, "insufficient_quota"),
        ({"code": 429, "message": "slow"}, "rate_limited"),
        ({"code": 502, "message": "model is down"}, "server_error"),
        ({"code": "server_error", "message": "Provider disconnected"}, "server_error"),
        ({"code": "provider_disconnected", "message": "gone"}, "server_error"),
        ({"code": "context_length_exceeded", "message": "too long"}, "context_length_exceeded"),
        ("broken", "server_error"),
    ],
)
@pytest.mark.parametrize("how", ["stream", "whole", "choice"])
async def test_an_error_in_an_answer_has_its_kind(
    server: FakeEndpoint, model: ChatModel, error: Any, kind: str, how: str
) -> None:
    """Where the status had said that all was well: as an event, in a whole answer, or in its choice."""
    if how == "stream":
        streaming(server, {**chunk("error", content=""), "error": error})
    elif how == "whole":
        server.say_json({"error": error})
    else:
        server.say_json({"choices": [{"index": 0, "message": {}, "finish_reason": "error", "error": error}]})
    assert (await failure_of(model)).error_type == kind


async def test_an_error_that_says_nothing_is_the_servers(server: FakeEndpoint, model: ChatModel) -> None:
    """An answer that ends as one is none."""
    streaming(server, chunk(content="Hel"), chunk("error"))
    failure = await failure_of(model)
    assert failure.error_type == "server_error"
    assert isinstance(failure, AnswerCut)


@pytest.mark.parametrize("done", [False, True])
async def test_a_stream_without_an_end_was_cut(server: FakeEndpoint, model: ChatModel, *, done: bool) -> None:
    """It is the connection's failure, and what had come is kept as evidence, without the key that it quotes."""
    streaming(server, chunk(reasoning="Hm."), chunk(content=f"Hello {KEY[:5]}"), chunk(content=KEY[5:]), done=done)
    failure = await failure_of(model)
    assert isinstance(failure, AnswerCut)
    assert (failure.stage, failure.error_type) == (Stage.RESPONSE_ERROR, "connection_closed")
    assert (failure.answer.text, failure.answer.reasoning) == ("Hello [TEST_KEY]", "Hm.")
    assert failure.answer.first_token_ms is not None
    assert fault_of(failure) is Fault.INFRASTRUCTURE


async def test_a_stream_that_ended_before_it_began_has_no_evidence(server: FakeEndpoint, model: ChatModel) -> None:
    """An empty body is a failure all the same."""
    server.say(200, b"", "text/event-stream")
    failure = await failure_of(model)
    assert (type(failure), failure.error_type) == (CaseFailure, "connection_closed")


@pytest.fixture
def rude_url() -> Iterator[str]:
    """An endpoint that hangs up in the middle: of a chunked stream, or of a body whose length it had announced."""

    class Rude(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            whole = body["model"] == "whole"
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if whole else "text/event-stream")
            self.send_header(*(("Content-Length", "999") if whole else ("Transfer-Encoding", "chunked")))
            self.end_headers()
            piece = events(chunk(content="Hel"), done=False)
            self.wfile.write(b'{"choices"' if whole else b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if body["model"] == "silent":
                stop.wait(5)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rude)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    stop.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("stream", "connection_closed", "Hel"),
        ("whole", "connection_closed", None),
        ("silent", "request_timeout", "Hel"),
    ],
)
async def test_a_peer_that_hangs_up_or_falls_silent(
    rude_url: str, clients: Clients, name: str, kind: str, text: str | None
) -> None:
    """Both are the connection's failures, with what had come."""
    failure = await failure_of(ChatModel(clients, ProviderEndpoint("compatible", rude_url), name))
    assert failure.error_type == kind
    assert (failure.answer.text if isinstance(failure, AnswerCut) else None) == text


@pytest.mark.parametrize("whole", [False, True])
async def test_an_answer_of_ten_megabytes_is_given_up(server: FakeEndpoint, model: ChatModel, *, whole: bool) -> None:
    """It is bounded, with a clear failure that is nobody's grade."""
    words = "x" * 1_000_000
    if whole:
        server.say_json(completion(words * 10))
    else:
        streaming(server, *(chunk(content=words) for _ in range(10)), chunk("stop"))
    failure = await failure_of(model)
    assert failure.error_type == "answer_too_large"
    assert str(MAX_ANSWER_CHARACTERS) in failure.message
    assert fault_of(failure) is Fault.INFRASTRUCTURE
    if isinstance(failure, AnswerCut):
        assert failure.answer.text == "x" * 50_000


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"garbage", "application/json"), (b"{}", "application/json"), (b"[1]", "application/json"),
        (b'{"choices": 7}', "application/json"), (b"[" * 99_999, "application/json"), (b"hi", "text/plain"),
        (b"data: {garbage\n\n", "text/event-stream"), (b"\xff\xfe", "text/event-stream"),
    ],
)  # fmt: skip
async def test_garbage_is_no_answer(server: FakeEndpoint, model: ChatModel, body: bytes, content_type: str) -> None:
    """What is no chat completion is a failure of the request, and no crash."""
    server.say(200, body, content_type)
    assert (await failure_of(model)).error_type in ("invalid_response", "connection_closed")


@pytest.mark.parametrize(
    "odd",
    [
        7, None, [], {"choices": 3}, {"choices": [4]}, {"choices": [{"delta": 5}]}, {"usage": "many"},
        {"choices": [{"delta": {"content": 5, "reasoning": {}, "reasoning_details": "x", "refusal": 1}}]},
        {"usage": {"prompt_tokens": "3", "completion_tokens": True, "cost": "free"}}, {"model": 5},
        {"choices": [{"delta": {"content": [1, None, {"text": 4}]}, "finish_reason": 9}]},
    ],
)  # fmt: skip
async def test_misshapen_chunks_are_read_as_far_as_they_go(server: FakeEndpoint, model: ChatModel, odd: Any) -> None:
    """Without a crash, and without a number that nobody told."""
    streaming(server, odd, chunk(content="Hello."), chunk("stop"))
    answer = await model.ask("", "Hi")
    assert (answer.text, answer.usage, answer.cost_usd) == ("Hello.", Usage(), None)
