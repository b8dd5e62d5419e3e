"""``evalkit voice``: a crawl CSV in, a walk CSV and one recording per case out, through the same speech role as crawl.

Voices and speaking rates take turns over the cases, by the row's place in the file. A recording is kept when the row
that stands for it was made of the same text, voice, speed and codec, so that a second call does nothing;
``voice.overwrite`` makes all of them again. Files are there whole or not at all, and a call that was cut short goes on
where it was.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from evalkit import event_loop
from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample
from evalkit.audio.wav import write_wav
from evalkit.compose.line import LineParser, command_line
from evalkit.compose.planning import plan
from evalkit.datasets.tables import read_table
from evalkit.errors import CaseFailure, ConfigError
from evalkit.modes.mode import NamedVoice
from evalkit.modes.voice.settings import CrawlSettings
from evalkit.peers.embedded import service_url
from evalkit.peers.peers import Peers, open_peers
from evalkit.records.case import Case
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import find_unknown_voices, prepare
from evalkit.runner.run_ending import ExitCode
from evalkit.settings.schemas import schema_name
from evalkit.store.files import write_atomically

_OURS = ("audio_path", "voice", "speed", "codec")


@dataclass(frozen=True)
class Recording:
    """One recording to have: the walk CSV's cells, and where the sound goes."""

    cells: Mapping[str, str]
    path: Path

    @property
    def made_of(self) -> tuple[str, ...]:
        """What decides its sound."""
        return tuple(self.cells[name] for name in ("user_text", "voice", "speed", "codec"))


def main(args: Sequence[str]) -> int:
    """Make the recordings of ``mode.data_csv``; print the walk CSV's path. Raises UserError before anything is made."""
    parser = LineParser("evalkit voice", "evalkit voice [mode.data_csv=…] [voice.… …] [key=value …]")
    parser.take_overrides(limits="voice makes one set of recordings")
    line = command_line(*parser.parse_words(args))
    planned = plan(line.overrides, packaged_source(line.config_dirs))
    prepared = prepare(planned.jobs[0].config, Path.cwd(), os.environ)
    settings = prepared.settings
    if not isinstance(settings, CrawlSettings):
        given = schema_name(settings.config).replace(".", " input=")
        raise ConfigError(f"mode={given} speaks no texts; voice takes mode=crawl input=voice")
    provider = settings.speech.provider
    unknown = find_unknown_voices(NamedVoice("voice.voices", provider, name) for name in settings.voice.voices)
    if unknown:
        raise ConfigError(unknown)
    recordings = plan_recordings(settings, prepared.cases)
    missing = recordings if settings.voice.overwrite else find_missing(recordings, settings.voice.output_csv)
    _forget(missing, recordings, settings.voice.output_csv)
    with service_url(settings.service, needed=bool(missing) and provider.name == "local", engines=["speech"]) as url:
        failure = event_loop.run(_make(missing, settings, url))
    if failure:
        Console(stderr=True).print(f"evalkit: {failure}; run the same line again to go on", markup=False)
        return ExitCode.INFRASTRUCTURE
    _write_csv(settings.voice.output_csv, recordings)
    kept = len(recordings) - len(missing)
    Console(stderr=True).print(f"evalkit: {len(missing)} recordings made, {kept} kept", markup=False)
    print(settings.voice.output_csv)
    return ExitCode.OK


def plan_recordings(settings: CrawlSettings, cases: Sequence[Case]) -> list[Recording]:
    """Return the recordings of `cases`, in their order; voices and speeds take turns."""
    voice = settings.voice
    voices, speeds = voice.voices or (settings.speech.voice,), voice.speeds or (settings.speech.speed,)
    cells = {row.cells["example_id"]: row.cells for row in read_table(settings.mode.data_csv, ("example_id",)).rows}
    recordings = []
    for number, case in enumerate(cases):
        # Speeds change once per round of voices, so that every voice is heard at every speed.
        ours = {
            "audio_path": f"audio/{case.case_id}.wav",
            "voice": voices[number % len(voices)],
            "speed": f"{speeds[number // len(voices) % len(speeds)]:g}",
            "codec": voice.codec,
        }
        recordings.append(Recording({**cells[case.case_id], **ours}, voice.output_csv.parent / ours["audio_path"]))
    return recordings


def find_missing(recordings: Sequence[Recording], output_csv: Path) -> list[Recording]:
    """Return the recordings that no file stands for, or one that was made of something else."""
    there: set[tuple[str, ...]] = set()
    if output_csv.exists():
        table = read_table(output_csv, ("example_id", "user_text", *_OURS))
        there = {
            (row.cells["example_id"], *Recording(row.cells, output_csv.parent / row.cells["audio_path"]).made_of)
            for row in table.rows
            if (output_csv.parent / row.cells["audio_path"]).is_file()
        }
    return [wanted for wanted in recordings if (wanted.cells["example_id"], *wanted.made_of) not in there]


def _forget(missing: Sequence[Recording], recordings: Sequence[Recording], output_csv: Path) -> None:
    """Take the rows that are about to be made again out of an older CSV, so that it never names the wrong sound."""
    if missing and output_csv.exists():
        _write_csv(output_csv, [kept for kept in recordings if kept not in missing])


async def _make(recordings: Sequence[Recording], settings: CrawlSettings, url: str | None) -> str | None:
    """Make `recordings`, a few at a time; return what went wrong, if anything did."""
    waiting = iter(recordings)
    failures: list[str] = []
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("voice", total=len(recordings))
        async with open_peers(settings, url) as peers:

            async def lane() -> None:
                for wanted in waiting:
                    if failures:
                        return
                    try:
                        await _make_one(wanted, settings, peers)
                    except CaseFailure as failure:
                        failures.append(f"{wanted.cells['example_id']}: {failure.message}")
                    progress.advance(task)

            lanes = min(settings.concurrency, settings.limits.requests_in_flight or settings.concurrency)
            await asyncio.gather(*(lane() for _ in range(lanes)))
    return failures[0] if failures else None


async def _make_one(wanted: Recording, settings: CrawlSettings, peers: Peers) -> None:
    codec = AudioFormat(wanted.cells["codec"])
    voice, speed = wanted.cells["voice"], float(wanted.cells["speed"])
    speech = await peers.speech(settings.speech, voice=voice, speed=speed).synthesise(wanted.cells["user_text"])
    pcm = resample(speech.pcm, speech.sample_rate_hz, codec.sample_rate_hz)
    await asyncio.to_thread(write_wav, wanted.path, codec.to_wire(pcm), codec)


def _write_csv(path: Path, recordings: Sequence[Recording]) -> None:
    if not recordings:
        path.unlink()
        return
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(recordings[0].cells), lineterminator="\n")
    writer.writeheader()
    writer.writerows(recording.cells for recording in recordings)
    if not path.exists() or path.read_text(encoding="utf-8") != out.getvalue():
        write_atomically(path, out.getvalue())
