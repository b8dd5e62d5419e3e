"""What graders may ask for, built from settings in one place: a judge, and somebody who listens."""

from __future__ import annotations

from pathlib import Path

from evalkit.commands.judging import open_judge, patience_of
from evalkit.commands.roles import transcription_role
from evalkit.graders.context import GraderServices, Heard
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.prices import Prices
from evalkit.providers.transcription import Transcription
from evalkit.settings.types import RunSettings
from evalkit.store.run_directory import RunDirectory


def open_grader_services(
    settings: RunSettings,
    run_root: Path,
    clients: Clients,
    cache: ContentCache,
    prices: Prices,
    embedded_url: str | None,
) -> GraderServices:
    """Return the services of one event loop; sound files are looked up below `run_root`."""
    transcriber = transcription_role(settings, clients, cache, embedded_url)
    judge = open_judge(settings, clients, cache, prices, embedded_url)
    if transcriber is None:
        return GraderServices(judge=judge)
    patience, run = patience_of(settings, clients), RunDirectory(run_root)

    async def transcribe(artifact: str) -> Heard:
        heard = await patience.answer(lambda: transcriber.transcribe(run.inside(artifact)))
        return Heard(heard.text, listening_cost_usd(heard, prices))

    return GraderServices(transcribe=transcribe, judge=judge)


def listening_cost_usd(heard: Transcription, prices: Prices) -> float | None:
    """Return what one transcription cost; None where a price or the length is not known."""
    if heard.cached:
        return 0.0
    if heard.duration_ms is None:
        return None
    return prices.audio_cost_usd(heard.model, heard.duration_ms)
