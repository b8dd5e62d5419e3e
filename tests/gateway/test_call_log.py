"""The file of a session's calls."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from gateway_partner import KEY, plain_answer, question, raw_provider, request_of, talking, until
from scripted_endpoint import Hang, Rule, Say

from evalkit.errors import StorageError
from evalkit.gateway import call_log
from evalkit.gateway.call_log import CallLog
from evalkit.gateway.calls import OpenCall
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.replay import Replay
from evalkit.gateway.upstream import Upstream


def _ended(log: CallLog, index: int, *, body: bytes = b"{}", text: str = "hi") -> None:
    call = OpenCall(index, request_of("chat", text), 0.0)
    call.begin_answer(200, [("content-type", "application/json"), ("date", "now")])
    call.take(body, 1.0)
    log.add(call.ended((0.0, 2.0), lambda *_: None, None, cut=False), call)


def test_lines_are_in_the_order_of_starting(tmp_path: Path) -> None:
    """A call that ends early waits for those that began before it; the end writes what still waits."""
    log = CallLog(tmp_path / "deep" / "log", KeyFilter(()))
    _ended(log, 1)
    assert not (tmp_path / "deep").exists()
    _ended(log, 0)
    assert len((tmp_path / "deep" / "log").read_text().splitlines()) == 2
    _ended(log, 4)
    _ended(log, 3)
    log.close()
    indices = [json.loads(line)["index"] for line in (tmp_path / "deep" / "log").read_text().splitlines()]
    assert indices == [0, 1, 3, 4]


def test_a_line_holds_both_bodies_and_no_key(tmp_path: Path) -> None:
    """Neither of the agent's credentials nor of the real ones is there a trace."""
    log = CallLog(tmp_path / "log", KeyFilter([KEY]))
    _ended(log, 0, body=b'{"a": "b"}', text=f"my key is {KEY}")
    line = json.loads((tmp_path / "log").read_text())
    assert line["request"]["messages"][0]["content"] == "my key is [key]"
    assert line["answer"] == '{"a": "b"}'
    assert line["answer_headers"] == [["content-type", "application/json"]]
    assert len(line["request_sha256"]) == 64
    assert (line["duration_ms"], line["status"], line["model"]) == (2000.0, 200, "m")


def test_an_answer_that_is_no_text_is_kept_as_it_is(tmp_path: Path) -> None:
    """Replays give the same bytes."""
    log = CallLog(tmp_path / "log", KeyFilter(()))
    _ended(log, 0, body=b"\xff\x00")
    assert Replay.read(tmp_path / "log").calls[0].body == b"\xff\x00"


def test_what_is_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line stays short, and says so with null."""
    monkeypatch.setattr(call_log, "MAX_LOGGED_REQUEST_BYTES", 100)
    monkeypatch.setattr(call_log, "MAX_LOGGED_ANSWER_BYTES", 100)
    log = CallLog(tmp_path / "log", KeyFilter(()))
    _ended(log, 0, body=b"x" * 1000, text="y" * 1000)
    line = json.loads((tmp_path / "log").read_text())
    assert (line["request"], line["answer"]) == (None, None)
    assert line["bytes_out"] == 1000


def test_a_disk_that_takes_nothing_is_told_at_the_end(tmp_path: Path) -> None:
    """The agent's call goes on; the run learns of it when the session is closed."""
    (tmp_path / "file").write_text("")
    log = CallLog(tmp_path / "file" / "log", KeyFilter(()))
    _ended(log, 0)
    with pytest.raises(StorageError, match="could not be written"):
        log.close()


async def test_the_log_of_a_live_session_is_whole(tmp_path: Path) -> None:
    """One call hangs until the session is closed, another ends before: both are there, in order, without keys."""
    path = tmp_path / "log"
    async with talking([Rule("wait", [Hang()]), Rule("", [Say("ok")])], log_path=path) as partner:
        waiting = asyncio.ensure_future(partner.ask("chat", "wait"))
        await until(lambda: partner.session.open_requests == 1)
        await partner.ask("gemini", "hi", stream=True)
        assert not path.exists()
        partner.session.close()
        await waiting
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["index"], line["error_type"]) for line in lines] == [(0, "session_closed"), (1, "")]
    assert lines[1]["query"] == "alt=sse"
    assert "dummy" not in path.read_text()
    assert KEY not in path.read_text()


async def test_a_whole_answer_in_one_byte_pieces_is_logged_whole(tmp_path: Path) -> None:
    """What is logged is what the agent was given."""
    answer = plain_answer(json.dumps({"choices": [{"finish_reason": "stop"}]}).encode())
    pieces = [bytes([byte]) for byte in answer]
    async with raw_provider(pieces) as url, talking(upstream=Upstream(url), log_path=tmp_path / "log") as partner:
        path, body, _ = question("chat", "hi")
        given = await partner.client.post(f"{partner.gateway.tcp_url}/w/s1{path}", json=body)
    assert json.loads((tmp_path / "log").read_text())["answer"] == given.text
