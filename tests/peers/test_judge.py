"""The judge behind its cache, deadline and retries, against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evalkit.engine.retry import RetryPolicy
from evalkit.graders.judge import ask_judge
from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind
from evalkit.peers.judge import JudgeService
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.prices import ModelPrice, Prices
from evalkit.providers.responses import ResponsesModel
from evalkit.records.grade import Verdict

QUESTION = JudgeQuestion("The assistant greets.", [TranscriptLine(1, TranscriptLineKind.ASSISTANT, "Hello.")])
Build = Callable[..., JudgeService]


def says(text: str, kind: str = "output_text") -> dict[str, Any]:
    part = {"type": kind, "text" if kind == "output_text" else "refusal": text}
    usage = {"input_tokens": 1000, "output_tokens": 100, "input_tokens_details": {"cached_tokens": 0}}
    return {
        "model": "judge-1",
        "status": "completed",
        "usage": usage,
        "output": [{"type": "message", "content": [part]}],
    }


def rules(verdict: str) -> dict[str, Any]:
    return says(json.dumps({"evidence": [{"line": 1, "quote": "Hello"}], "reasoning": "why", "verdict": verdict}))


class JudgeServer:
    """Answers requests in turn, the last answer for ever; an int is an HTTP error, None is silence."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked = 0
        self.under_way = self.most_under_way = 0
        self.release = threading.Event()
        owner, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    owner.asked += 1
                    owner.under_way += 1
                    owner.most_under_way = max(owner.under_way, owner.most_under_way)
                    answer = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
                if answer is None:
                    owner.release.wait(20)
                is_error = isinstance(answer, int)
                body = json.dumps({"error": {"message": "no"}} if is_error else answer).encode()
                with lock:
                    owner.under_way -= 1
                self.send_response(answer if is_error else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    fake = JudgeServer()
    yield fake
    fake.close()


@pytest.fixture
async def build(server: JudgeServer, tmp_path: Path) -> AsyncIterator[Build]:
    clients = Clients({}, timeout_s=10)

    async def no_sleep(seconds: float) -> None:
        """Waits are asked for, and not waited for."""

    def make(votes: int = 1, *, timeout_s: float = 10, attempts: int = 3, at_once: int = 4) -> JudgeService:
        return JudgeService(
            model="judge",
            votes=votes,
            source=ResponsesModel(clients, ProviderEndpoint("compatible", server.url), "judge"),
            policy=RequestPolicy(
                timeout_s, RetryPolicy(attempts), no_sleep, random.Random(0), asyncio.Semaphore(at_once)
            ),
            prices=Prices("2026-01-01", {"judge": ModelPrice(text_input=1.0, text_cached_input=0.1, text_output=10.0)}),
            cache=ContentCache(tmp_path),
            identity="judge-house",
        )

    yield make
    await clients.aclose()


async def judge(service: JudgeService) -> Verdict:
    return await ask_judge(service, QUESTION)


async def test_a_verdict_and_what_it_cost(server: JudgeServer, build: Build) -> None:
    """The served model and the price of the tokens stand in the verdict."""
    server.answers = [rules("pass")]
    verdict = await judge(build())
    assert (verdict.grade, verdict.judge["model"], verdict.judge["cost_usd"]) == (1, "judge-1", pytest.approx(0.002))
    assert (verdict.judge["input_tokens"], verdict.judge["output_tokens"]) == (1000, 100)


async def test_nothing_is_paid_for_twice(server: JudgeServer, build: Build) -> None:
    """The same question is answered from the cache, for nothing; another vote is another question."""
    server.answers = [rules("pass")]
    first, again = await judge(build()), await judge(build())
    assert (server.asked, first.grade, again.grade, again.judge["cost_usd"]) == (1, 1, 1, 0.0)
    assert (first.judge["input_tokens"], again.judge["input_tokens"]) == (1000, None)
    assert (await judge(build(3))).judge["votes"] == 3
    assert server.asked == 3


@pytest.mark.parametrize(
    ("answer", "requests", "reason"),
    [
        (says("I'd say it passes."), 3, "not JSON"),
        (says(""), 3, "empty"),
        (says('{"verdict": "pass"}'), 3, "breaks its schema"),
        (says("I won't judge that.", "refusal"), 1, "refused to judge"),
        (500, 3, "server_error"),
        (404, 1, "did not answer"),
    ],
)
async def test_no_trouble_becomes_a_zero(
    server: JudgeServer, build: Build, answer: Any, requests: int, reason: str
) -> None:
    """Not JSON, empty, half an answer, refused, broken: no grade, a reason, and nothing in the cache."""
    server.answers = [answer]
    verdict = await judge(build())
    assert verdict.grade is None
    assert reason in verdict.rationale
    assert server.asked == requests
    server.answers = [rules("pass")]
    assert (await judge(build())).grade == 1


async def test_a_slow_judge_is_not_waited_for_for_ever(server: JudgeServer, build: Build) -> None:
    """Each request has a deadline; the cost of what was cut off is unknown."""
    server.answers = [None]
    verdict = await judge(build(timeout_s=0.3, attempts=2))
    assert (verdict.grade, verdict.judge["cost_usd"], server.asked) == (None, None, 2)
    assert "no answer within 0.3 s" in verdict.rationale


async def test_passing_trouble_is_tried_again(server: JudgeServer, build: Build) -> None:
    """A rate limit, then half an answer, then a verdict: that is the grade."""
    server.answers = [429, says("{"), rules("fail")]
    assert (await judge(build())).grade == 0


async def test_contradicting_votes_decide_nothing(server: JudgeServer, build: Build) -> None:
    """One for and one against is no grade."""
    server.answers = [rules("pass"), rules("fail")]
    verdict = await judge(build(2))
    assert (verdict.grade, verdict.judge["agreement"]) == (None, 0.5)


async def test_votes_are_asked_at_once_within_a_limit(server: JudgeServer, build: Build) -> None:
    """No more requests are under way than the limit allows."""
    server.answers = [rules("pass")]
    assert (await judge(build(9, at_once=2))).judge["agreement"] == 1
    assert (server.asked, server.most_under_way <= 2) == (9, True)
