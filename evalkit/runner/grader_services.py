"""The services that graders use in a run: a judge and a transcription."""

from __future__ import annotations

from evalkit.graders.context import GraderServices, HeardText
from evalkit.peers.peers import Peers
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.transcription import listening_cost_usd
from evalkit.store.run_directory import RunDirectory


def open_grader_services(peers: Peers, run: RunDirectory) -> GraderServices:
    """Return the services of one event loop; sound files are looked up in `run`."""
    judge, transcriber = peers.judge(), peers.transcription()
    if transcriber is None:
        return GraderServices(judge=judge)
    policy = RequestPolicy.from_settings(peers.settings, slot=peers.clients.slot)

    async def transcribe(artifact: str) -> HeardText:
        heard = await policy.answer(lambda: transcriber.transcribe(run.inside(artifact)))
        return HeardText(heard.text, listening_cost_usd(heard, peers.prices))

    return GraderServices(transcribe=transcribe, judge=judge)
