"""Crawls against `local-echo`, in this process, as the CLI runs them from the prepared config on. For other scripts."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit import event_loop
from evalkit.clock import MonotonicClock
from evalkit.compose.planning import plan
from evalkit.engine.quota import OwnQuota
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import EngineLimits
from evalkit.engine.throttle import Throttle
from evalkit.peers.peers import open_peers
from evalkit.records.case import CaseTrial
from evalkit.records.record import CaseRecord
from evalkit.runner.grader_services import open_grader_services
from evalkit.runner.jobs import packaged_source
from evalkit.runner.pipeline import Controls, Remaining, Workload, expand_trials, run_workload
from evalkit.runner.prepare import Prepared, prepare
from evalkit.service.child import ServiceOptions
from evalkit.settings.resources import resource_dir
from evalkit.store.provenance import describe_start, write_provenance
from evalkit.store.run_directory import RunDirectory, now_utc

# The quickest engines to start; an echo needs neither, and cases are spoken once.
ENGINES = ServiceOptions(speech="pico", transcription="pocketsphinx")
with (resource_dir("data") / "crawl" / "support.csv").open(encoding="utf-8", newline="") as _file:
    TEXTS = tuple(row["user_text"] for row in csv.DictReader(_file))[:16]


@dataclass(frozen=True)
class Ready:
    """A crawl that may start, and where it will leave everything."""

    prepared: Prepared
    trials: Sequence[CaseTrial]
    run: RunDirectory


class LocalCrawl:
    """Crawls against one running service, each into a directory of its own below `folder`.

    The texts are the first of the shipped support cases. They take turns, so speech and transcripts come from a cache
    in `folder` after the first few cases.
    """

    def __init__(self, folder: Path, url: str, concurrency: int) -> None:
        self._folder, self._url, self._concurrency, self._runs = folder, url, concurrency, 0
        os.environ["EVALKIT_CACHE"] = str(folder / "cache")
        self.socket_url = f"{url.replace('http', 'ws', 1)}/realtime?model=local-echo"

    def new_run(self) -> RunDirectory:
        """Return the next run's directory."""
        self._runs += 1
        root = self._folder / f"run_{self._runs}"
        root.mkdir()
        return RunDirectory(root)

    def start(self, count: int, *overrides: str) -> Ready:
        """Do for a crawl of `count` cases all that the CLI does before the first of them."""
        path = self._folder / f"cases_{count}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("example_id", "user_text", "gt_tool_call", "gt_tool_call_arg"))
            rows.writerows((f"case-{n:05d}", TEXTS[n % len(TEXTS)], "", "") for n in range(count))
        line = [
            f"mode.data_csv={path}", "assistant.model=local-echo", f"concurrency={self._concurrency}",
            f"service.speech={ENGINES.speech}", f"service.transcription={ENGINES.transcription}",
            "report.plots=false", *overrides,
        ]  # fmt: skip
        prepared = prepare(plan(line, packaged_source()).jobs[0].config, Path.cwd(), os.environ)
        trials, run = expand_trials(prepared.cases, 1, 0), self.new_run()
        keys = [trial.key for trial in trials]
        run.write_config(prepared.config)
        write_provenance(run.provenance_path, describe_start(prepared.config, [], prepared.datasets, keys, now_utc()))
        return Ready(prepared, trials, run)

    def run(self, ready: Ready, note: Callable[[CaseRecord], None] = lambda _: None) -> None:
        """Run and grade what is ready; `note` is told of each record, and none is kept.

        A case that was lost ends the script: a benchmark of failures would be none.
        """
        event_loop.run(self._run(ready, note))

    async def _run(self, ready: Ready, note: Callable[[CaseRecord], None]) -> None:
        def advance(record: CaseRecord, _: object) -> None:
            assert record.failure is None, f"{record.key}: {record.failure}"
            note(record)

        prepared = ready.prepared
        settings, data = prepared.settings, prepared.data
        async with (
            open_peers(settings, self._url) as peers,
            prepared.mode.open(settings, data, peers, ready.run, MonotonicClock()) as work,
        ):
            workload = Workload(work, prepared.graders, open_grader_services(peers, ready.run))
            await run_workload(workload, Remaining(ready.trials), ready.run, plain_controls(self._concurrency), advance)


def plain_controls(concurrency: int) -> Controls:
    """Return what drives a run that is neither bounded nor retried nor shared."""
    clock = MonotonicClock()
    return Controls(EngineLimits(concurrency), RetryPolicy(1), clock, Throttle(concurrency, clock), OwnQuota())
