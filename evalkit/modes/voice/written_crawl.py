"""Crawl in writing (``input=text``): a case's text is sent as it is, and the assistant's first turn is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.datasets.cases import load_crawl_cases
from evalkit.datasets.recordings import Recordings
from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.modes.mode import Starter, Work
from evalkit.modes.voice.fingerprint import settings_of_written_turn
from evalkit.modes.voice.layouts import WRITTEN_CRAWL_LAYOUT
from evalkit.modes.voice.settings import WrittenCrawlSettings
from evalkit.modes.voice.single_turn import SingleTurnData, SingleTurnMode, mocked_tools
from evalkit.modes.voice.starters import start_with_texts
from evalkit.modes.voice.voice_mode import WITH_TOOL_ROUND, bytes_shown
from evalkit.modes.voice.written_mode import WrittenMode
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.peers.peers import Peers
    from evalkit.records.record import CaseRecord
    from evalkit.store.run_directory import RunDirectory


class WrittenCrawlMode(SingleTurnMode[WrittenCrawlSettings], WrittenMode[WrittenCrawlSettings, SingleTurnData]):
    """Texts, as they are."""

    name = "crawl"
    settings_type = WrittenCrawlSettings
    layout = WRITTEN_CRAWL_LAYOUT

    def load_cases(
        self,
        settings: WrittenCrawlSettings,
        tools: Sequence[JsonObject] | None,
        recordings: Recordings,  # noqa: ARG002
    ) -> list[Case]:
        """Return the rows of a crawl CSV. Raises DataError."""
        return load_crawl_cases(settings.mode.data_csv, tools)

    def read_expectations(self, settings: WrittenCrawlSettings) -> Sequence[Case]:
        """Return the rows of the CSV, whatever has become of prompt and tools."""
        return load_crawl_cases(settings.mode.data_csv, None)

    def fingerprint(self, settings: WrittenCrawlSettings, data: SingleTurnData, case: Case) -> JsonObject:  # noqa: ARG002
        """Return the settings that decide a record; they are the same for all cases."""
        return settings_of_written_turn(settings, data.system_prompt, data.tools, data.datasets)

    def forecast(
        self, settings: WrittenCrawlSettings, data: SingleTurnData, rates: Rates
    ) -> Iterator[tuple[CaseWork, Models]]:
        """Yield a turn for each case, its text as long as it is."""
        models = Models(assistant=str(settings.assistant.model), judge=settings.judge.model)
        shown = bytes_shown(data.system_prompt, data.tools)
        for case in data.cases:
            work = CaseWork(
                shown_bytes=shown,
                caller_ms=ZERO,
                caller_tokens=rates.text_tokens(len(str(case.inputs["user_text"]).encode())),
                responses_per_turn=WITH_TOOL_ROUND if settings.mode.answer_tools else Range.exactly(1.0),
                calls_tools=bool(data.tools),
                answer_tokens=rates.words_tokens(rates.answer_s),
            )
            yield work, models

    @asynccontextmanager
    async def open(
        self, settings: WrittenCrawlSettings, data: SingleTurnData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds one turn with the assistant."""
        from evalkit.modes.voice.written_turn import WrittenTurnSetup, run_written_turn
        from evalkit.realtime.events import SessionSpec

        address = peers.realtime("assistant", str(settings.assistant.model))
        setup = WrittenTurnSetup(
            session=SessionSpec(instructions=data.system_prompt, tools=data.tools, in_writing=True),
            url=address.url,
            headers=address.headers,
            assistant_model=str(settings.assistant.model),
            limits=settings.limits,
            run=run,
            clock=clock,
            fingerprint=settings_of_written_turn(settings, data.system_prompt, data.tools, data.datasets),
            price=peers.prices.cost_usd,
            new_tools=mocked_tools(settings, data, clock) if settings.mode.answer_tools else None,
            on_rate_limits=peers.on_rate_limits,
        )

        async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
            return await run_written_turn(setup, trial, attempt)

        yield work

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a few shipped texts with their prompt and tools."""
        return start_with_texts()


WRITTEN_CRAWL = WrittenCrawlMode()
