"""What a run found, read from its own directory: kept as long as its files stay as they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.reports.metric_names import name_of
from evalkit.reports.page.findings import describe_findings, render_own_sections
from evalkit.reports.page.overview import flatten
from evalkit.reports.page.render import RenderedSection
from evalkit.reports.rows import ResultTable, row_number
from evalkit.reports.write import RunContent, derive
from evalkit.runs.stored_run import open_run

_KEPT = 8
_FILES = ("config.yaml", "provenance.json", "journal.jsonl", "grades.jsonl")
_SHOWN_APART = ("packages", "datasets", "case_trials", "scorings")


@dataclass(frozen=True)
class RunFindings:
    """What a run's page shows beside its table of cases.

    Attributes:
        mode: The name of its mode.
        findings: What ``findings.html.j2`` needs.
        latencies: Name of a latency -> its values in ms, of the case-trials that count.
        sections: Those that only its mode has.
        config: Dotted key and value in words of all of its config.
        facts: The same of its provenance.
        datasets: The files that it read: path and hash.
        packages: Name -> version of what was installed.

    """

    mode: str
    findings: Mapping[str, Any]
    latencies: Mapping[str, Sequence[float]]
    sections: Sequence[RenderedSection]
    config: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, str]]
    datasets: Sequence[Mapping[str, Any]]
    packages: Mapping[str, str]


class FindingsShelf:
    """The findings of the runs that were looked at last. Threads may ask at the same time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[object, RunFindings]] = OrderedDict()
        self._reading = threading.Lock()  # parts of a page that come together read a run once

    def read(self, root: Path) -> RunFindings:
        """Return the findings of the run in `root`. Raises ConfigError where its files cannot be read."""
        with self._reading:
            signature = _sign(root)
            kept = self._kept.get(root)
            if kept is None or kept[0] != signature:
                kept = self._kept[root] = (signature, read_findings(root))
            self._kept.move_to_end(root)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept[1]


def read_findings(root: Path) -> RunFindings:
    """Return what the run in `root` found so far. Raises ConfigError where its files cannot be read."""
    stored = open_run(root, "the lab")
    layout = layout_of(stored.config)
    try:
        content = RunContent(
            run_dir=root,
            layout=layout,
            config=stored.config,
            records=stored.records,
            grades=stored.grades,
            config_sha256=str(stored.provenance["config_sha256"]),
            planned=len(stored.planned),
            history=stored.history,
        )
        derived = derive(content)
        return RunFindings(
            mode=stored.mode,
            findings=describe_findings(derived.summary, derived.table, stored.records),
            latencies=_list_latencies(derived.table),
            sections=render_own_sections(root, derived.table, stored.records, stored.grades),
            config=flatten({key: value for key, value in stored.config.items() if key != "hydra"}),
            facts=flatten({key: value for key, value in stored.provenance.items() if key not in _SHOWN_APART}),
            datasets=list(stored.provenance.get("datasets") or ()),
            packages=dict(stored.provenance.get("packages") or {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{root}: cannot be read whole: {told}; evalkit resume or score may mend it") from error


def _list_latencies(table: ResultTable) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for column in table.layout.latency_columns:
        values = [value for row in table.rows if row.scored and (value := row_number(row, column)) is not None]
        if values:
            found[name_of(column)] = values
    return found


def _sign(root: Path) -> object:
    """Return what changes when the run's files do."""
    signs: list[tuple[int, int] | None] = []
    for name in _FILES:
        try:
            found = (root / name).stat()
        except OSError:
            signs.append(None)
        else:
            signs.append((found.st_mtime_ns, found.st_size))
    return tuple(signs)
