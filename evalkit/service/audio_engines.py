"""The one place where text becomes audio and audio becomes text: engines behind workers, results in bounded caches.

Engines are heavy, so they run in threads of their own and never block the event loop. Each has one worker, unless it
says that it may run several at once without a change in its results. The same request is computed once: from the cache
afterwards, and while it is under way everybody waits for the same result. An engine is loaded when it is warmed, else
when it is first used. The counters say what was really computed.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from evalkit.audio.g711 import Pcm
from evalkit.service.child import ENGINES
from evalkit.service.speech.seam import SpeechAudio, SpeechEngine
from evalkit.service.transcription.seam import TranscriptionEngine

MAX_AUDIO_BYTES = 256 * 1024 * 1024
MAX_TEXTS = 20_000

_Result = TypeVar("_Result")


@dataclass
class Counter:
    """How often a result was computed, and how often it was there already (or on its way)."""

    computed: int = 0
    cached: int = 0


class Memo(Generic[_Result]):
    """Results by key, computed once in a worker thread, the oldest forgotten first.

    Args:
        workers: The threads to compute in.
        max_cost: The bound on the sum of costs.
        cost: What keeping one result costs.

    """

    def __init__(self, workers: ThreadPoolExecutor, max_cost: int, cost: Callable[[_Result], int]) -> None:
        self.counter = Counter()
        self._workers = workers
        self._max_cost = max_cost
        self._cost = cost
        self._kept: OrderedDict[Hashable, _Result] = OrderedDict()
        self._kept_cost = 0
        self._under_way: dict[Hashable, asyncio.Future[_Result]] = {}

    async def get(self, key: Hashable, compute: Callable[[], _Result]) -> _Result:
        """Return the result for `key`; raises what `compute` raises, and forgets the failure."""
        if key in self._kept:
            self.counter.cached += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        future = self._under_way.get(key)
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(self._workers, compute)
            self._under_way[key] = future
            future.add_done_callback(lambda done: self._keep(key, done))
        else:
            self.counter.cached += 1
        return await asyncio.shield(future)

    def _keep(self, key: Hashable, future: asyncio.Future[_Result]) -> None:
        del self._under_way[key]
        if future.cancelled() or future.exception() is not None:
            return
        self.counter.computed += 1
        result = future.result()
        self._kept[key] = result
        self._kept_cost += self._cost(result)
        while self._kept_cost > self._max_cost and len(self._kept) > 1:
            self._kept_cost -= self._cost(self._kept.popitem(last=False)[1])


class Once:
    """An action that is done at the first call; other threads wait for it. One that raised is tried again."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self.done = False

    def __call__(self) -> None:
        """Do it, unless it has been done."""
        with self._lock:
            if not self.done:
                self._act()
                self.done = True


class AudioEngines:
    """The engines that speak and transcribe, shared by everything the service does.

    Args:
        speech: The engine that speaks.
        transcription: The engine that writes down what it hears.

    """

    def __init__(self, speech: SpeechEngine, transcription: TranscriptionEngine) -> None:
        self.speech = speech
        self.transcription = transcription
        self._speech_workers = ThreadPoolExecutor(speech.workers, thread_name_prefix="speech")
        self._transcription_workers = ThreadPoolExecutor(transcription.workers, thread_name_prefix="transcription")
        self._load_speech = Once(speech.warm)
        self._load_transcription = Once(transcription.warm)
        self._said: Memo[SpeechAudio] = Memo(self._speech_workers, MAX_AUDIO_BYTES, lambda audio: audio.pcm.nbytes)
        self._heard: Memo[str] = Memo(self._transcription_workers, MAX_TEXTS, lambda _text: 1)

    async def warm(self, names: Collection[str] = ENGINES) -> None:
        """Load the engines of those names, at the same time; raises what keeps one from working."""
        loop = asyncio.get_running_loop()
        loads = {
            "speech": (self._speech_workers, self._load_speech),
            "transcription": (self._transcription_workers, self._load_transcription),
        }
        await asyncio.gather(*(loop.run_in_executor(*loads[name]) for name in names))

    async def say(self, text: str, speaker: str, speed: float) -> SpeechAudio:
        """Return the audio of `text`."""
        key = (text, speaker, speed)

        def compute() -> SpeechAudio:
            self._load_speech()
            return self.speech.synthesise(text, speaker, speed)

        return await self._said.get(key, compute)

    async def hear(self, pcm: Pcm, rate_hz: int) -> str:
        """Return the words in `pcm`, "" where there are none."""
        key = (hashlib.sha256(pcm.tobytes()).digest(), rate_hz)

        def compute() -> str:
            self._load_transcription()
            return self.transcription.recognise(pcm, rate_hz)

        return await self._heard.get(key, compute)

    @property
    def counters(self) -> dict[str, int]:
        """What was computed and what was not."""
        said, heard = self._said.counter, self._heard.counter
        return {
            "syntheses_computed": said.computed,
            "syntheses_cached": said.cached,
            "recognitions_computed": heard.computed,
            "recognitions_cached": heard.cached,
        }

    @property
    def loaded(self) -> list[str]:
        """The names of the engines that are loaded."""
        done = {"speech": self._load_speech.done, "transcription": self._load_transcription.done}
        return [name for name, is_done in done.items() if is_done]

    def close(self) -> None:
        """Let the workers go; what is under way is not waited for."""
        self._speech_workers.shutdown(wait=False, cancel_futures=True)
        self._transcription_workers.shutdown(wait=False, cancel_futures=True)
