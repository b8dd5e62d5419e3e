"""Stored sessions that play the provider."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from gateway_partner import PROTOCOLS, cents, error_text, question, request_of, talking, until
from scripted_endpoint import Cut, FailWith, Hang, Rule, Say

from evalkit.errors import DataError
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.replay import Replay, ReplayMismatch


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stored_session_answers_the_same_requests_without_a_provider(stream: bool, tmp_path: Path) -> None:
    """The same bytes, the same counts, the same failures; and nothing is left over."""
    log = tmp_path / "gateway.jsonl"
    rules = [Rule("fail", [FailWith(429, headers={"retry-after": "3"})]), Rule("cut", [Say("a b c d"), Cut(2)])]
    texts = ("hello", "please fail", "hello again")
    async with talking(rules, log_path=log) as partner:
        asked = [await partner.ask(protocol, text, stream=stream) for protocol in PROTOCOLS for text in texts]
        with pytest.raises(httpx2.RemoteProtocolError):
            await partner.ask("messages", "cut", stream=True)
        await until(lambda: partner.session.open_requests == 0)
    before = partner.session
    replay = Replay.read(log)
    async with Gateway(None, price=cents) as gateway:
        await gateway.listen(tcp=True)
        session = gateway.open_session("again", replay=replay)
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:

            async def ask(protocol: str, text: str, *, stream: bool) -> httpx2.Response:
                path, body, headers = question(protocol, text, stream=stream)
                return await client.post(f"{gateway.tcp_url}/w/again{path}", json=body, headers=headers)

            played = [await ask(protocol, text, stream=stream) for protocol in PROTOCOLS for text in texts]
            with pytest.raises(httpx2.RemoteProtocolError):
                await ask("messages", "cut", stream=True)
            await until(lambda: session.open_requests == 0)
        assert session.replay is not None
        assert session.replay.left == 0
    assert [answer.content for answer in played] == [answer.content for answer in asked]
    assert [answer.status_code for answer in played] == [answer.status_code for answer in asked]
    assert played[1].headers["retry-after"] == "3"

    def told(calls: list[object]) -> list[object]:
        timing = ("started_s", "first_byte_ms", "duration_ms", "cost_usd")
        return [{name: value for name, value in vars(call).items() if name not in timing} for call in calls]

    assert told([*session.calls]) == told([*before.calls])


async def test_a_request_that_was_not_stored_is_refused_with_what_differs(tmp_path: Path) -> None:
    """The agent changed, or the case did: both are told by the first message that is another one."""
    log = tmp_path / "gateway.jsonl"
    async with talking(log_path=log) as partner:
        for protocol in PROTOCOLS:
            await partner.ask(protocol, "write the file hello.txt")
    async with talking(replay=Replay.read(log)) as partner:
        for protocol in PROTOCOLS:
            answer = await partner.ask(protocol, "write the file goodbye.txt")
            assert answer.status_code == 502
            message = error_text(protocol, answer.json())
            assert "goodbye.txt" in message
            assert "hello.txt" in message
        assert partner.endpoint.requests == []
    assert [call.error_type for call in partner.session.provider_errors] == ["replay_mismatch"] * 4


async def test_what_the_agent_did_not_wait_for_is_left_open_again(tmp_path: Path) -> None:
    """So that an agent that is interrupted is interrupted at the same place."""
    log = tmp_path / "gateway.jsonl"
    for replay in (None, log):
        rules = [Rule("", [Say("one two"), Hang(2)])]
        options = {"log_path": log} if replay is None else {"replay": Replay.read(log)}
        async with talking(rules, **options) as partner:
            path, body, headers = question("chat", "hi", stream=True)
            url = f"{partner.gateway.tcp_url}/w/s1{path}"
            with pytest.raises(httpx2.ReadTimeout):
                await partner.client.post(url, json=body, headers=headers, timeout=0.3)
            await until(lambda: partner.session.open_requests == 0)
        (call,) = partner.session.calls
        assert (call.error_type, call.cut, call.bytes_out > 0) == ("gave_up", True, True)


async def test_one_replay_serves_many_sessions(tmp_path: Path) -> None:
    """Each begins at the beginning."""
    log = tmp_path / "gateway.jsonl"
    async with talking(log_path=log) as partner:
        await partner.ask("chat", "hi")
    replay = Replay.read(log)
    async with talking(replay=replay) as partner:
        partner.gateway.open_session("s2", replay=replay)
        assert [(await partner.ask("chat", "hi", session=name)).status_code for name in ("s1", "s2", "s1")] == [
            200,
            200,
            502,
        ]


def _stored(path: Path, **fields: object) -> str:
    request = request_of("chat", "hi", stream=False)
    line = {
        "index": 0, "protocol": "chat", "operation": "generate", "path": "/v1/chat/completions", "query": "",
        "model": "m", "status": 200, "request": json.loads(request.body), "request_sha256": request.sha256,
        "answer_headers": [], "answer": "{}", "error_type": "", "message": "", "retry_after_s": None, "cut": False,
        **fields,
    }  # fmt: skip
    return json.dumps(line)


def test_equal_requests_are_answered_in_their_order_others_in_any(tmp_path: Path) -> None:
    """Lines may stand in any order; what counts is when the calls began."""
    path = tmp_path / "log"
    other = request_of("chat", "title")
    lines = [
        _stored(path, index=2, answer="second"),
        _stored(path, index=0, answer="first"),
        _stored(path, index=1, answer="title", request=json.loads(other.body), request_sha256=other.sha256),
    ]
    path.write_text("\n".join(lines))
    position = Replay.read(path).begin()
    played = [position.take(request_of("chat", text)).body for text in ("hi", "hi", "title")]
    assert played == [b"first", b"second", b"title"]
    with pytest.raises(ReplayMismatch, match="no chat generate call left; 0 of other kinds"):
        position.take(request_of("chat", "hi"))


@pytest.mark.parametrize(
    ("fields", "asked", "words"),
    [
        ({"answer": None}, "hi", "call 0 of the stored session was too long to be kept"),
        ({"request": None, "request_sha256": "x"}, "hi", "too long to be compared"),
    ],
)
def test_what_had_no_room_is_said(fields: dict[str, object], asked: str, words: str, tmp_path: Path) -> None:
    """A bounded log cannot answer everything."""
    path = tmp_path / "log"
    path.write_text(_stored(path, **fields))
    with pytest.raises(ReplayMismatch, match=words):
        Replay.read(path).begin().take(request_of("chat", asked))


def test_the_difference_is_named(tmp_path: Path) -> None:
    """Another model, more messages: in words."""
    path = tmp_path / "log"
    path.write_text(_stored(path))
    for more, words in (
        ({"model": "n"}, "it asks for model 'n', not 'm'"),
        (
            {"messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "x"}]},
            "it has 3 messages, not 2",
        ),
    ):
        with pytest.raises(ReplayMismatch, match=words):
            Replay.read(path).begin().take(request_of("chat", **more))


@pytest.mark.parametrize("content", ["nonsense", "{}", "[]", '{"protocol": "telepathy"}'])
def test_a_file_that_is_no_stored_session_is_refused(content: str, tmp_path: Path) -> None:
    """With the line that is wrong."""
    path = tmp_path / "log"
    path.write_text(content)
    with pytest.raises(DataError, match=r"log:1: is not a stored call"):
        Replay.read(path)
    with pytest.raises(DataError, match="cannot be read"):
        Replay.read(tmp_path / "none")
