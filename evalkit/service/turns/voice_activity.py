"""One voice detector for all sessions: what they ask within a few milliseconds is judged in one go, in one thread.

The network costs nearly as much for one stream as for ten, so questions are gathered for :data:`GATHER_S` first.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from evalkit.audio.g711 import Pcm
from evalkit.service.turns.silero import Probabilities, SileroNetwork, VoiceStream

GATHER_S = 0.02


class _Network(Protocol):
    def judge(self, asked: list[tuple[VoiceStream, Pcm]]) -> list[Probabilities]: ...


@dataclass(frozen=True)
class _Question:
    stream: VoiceStream
    pcm: Pcm
    answer: asyncio.Future[Probabilities]


class VoiceActivity:
    """The voice detector that sessions share. Its network is loaded when it is first asked.

    Args:
        network: What judges; Silero's by default.
        gather_s: For how long questions are gathered.

    """

    def __init__(self, network: _Network | None = None, gather_s: float = GATHER_S) -> None:
        self._network = network or SileroNetwork()
        self._gather_s = gather_s
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="voice-activity")
        self._waiting: list[_Question] = []
        self._judging: asyncio.Task[None] | None = None

    async def judge(self, stream: VoiceStream, pcm: Pcm) -> Probabilities:
        """Return the probability of speech in each frame of `pcm`, the stream's next samples (int16, whole frames).

        A stream must not be asked about again before the answer is there. Raises what the network raises.
        """
        question = _Question(stream, pcm, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._judging is None:
            self._judging = asyncio.create_task(self._judge_all())
        return await question.answer

    def close(self) -> None:
        """Let the worker go."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _judge_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._gather_s)
                questions, self._waiting = self._waiting, []
                await self._judge(questions)
        finally:
            self._judging = None

    async def _judge(self, questions: list[_Question]) -> None:
        asked = [(question.stream, question.pcm) for question in questions]
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._worker, self._network.judge, asked)
        except Exception as error:  # noqa: BLE001 - it is told to everyone who asked
            for question in questions:
                if not question.answer.done():
                    question.answer.set_exception(error)
            return
        for question, probabilities in zip(questions, found, strict=True):
            if not question.answer.done():
                question.answer.set_result(probabilities)
