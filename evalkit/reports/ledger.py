"""``ledger.csv``: what every case-trial cost, by role, and what the run cost in all.

============== ================================================================================================
column         meaning
============== ================================================================================================
scope          ``case_trial``, ``role`` (one role over the run) or ``run`` (everything)
key            the case-trial; empty in sums
case_id, trial which case, and which of its trials
role           assistant, simulator, speech, judge, transcription; ``all`` in the last line
model          the models that were asked, as far as they are known
attempts       tries at the case-trial; dollars are those of all of them
cost_usd       dollars; empty where a price is unknown, never 0 for that reason
priced         ``yes``, or ``no`` where a price is unknown, which makes every sum it is part of unknown
input_tokens   tokens of the attempt that the record holds, as far as the provider told them
output_tokens  the same
price_date     the day whose prices were used
============== ================================================================================================

Grades that were replaced or not answered were paid for as well: they are in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalkit.metrics.cost import JUDGE, grade_costs_usd, sum_known_usd
from evalkit.records.grade import Grade
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import CaseRecord, Usage
from evalkit.reports.history import PriceDates
from evalkit.reports.rows import lookup

COLUMNS = (
    "scope", "key", "case_id", "trial", "role", "model", "attempts", "cost_usd", "priced", "input_tokens",
    "output_tokens", "price_date",
)  # fmt: skip


@dataclass
class _Post:
    """What one role was asked for, summed up as it comes in."""

    costs_usd: list[float | None] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)
    dates: dict[str, None] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def add(self, cost_usd: float | None, model: str, date: str, usage: Usage) -> None:
        self.costs_usd.append(cost_usd)
        self.models.update({model: None} if model else {})
        self.dates.update({date: None} if date else {})
        self.usage += usage

    def cells(self) -> dict[str, Json]:
        cost_usd = sum_known_usd(self.costs_usd) if self.costs_usd else 0.0
        return {
            "model": " ".join(self.models),
            "cost_usd": None if cost_usd is None else round(cost_usd, 9),
            "priced": "no" if cost_usd is None else "yes",
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "price_date": " ".join(sorted(self.dates)),
        }


def ledger_csv(records: Sequence[CaseRecord], grades: Iterable[Grade], config: JsonObject, dates: PriceDates) -> str:
    """Return ``ledger.csv``; `grades` are all that were ever asked for, also those that no longer count."""
    posts = _case_posts(records, grades, config, dates)
    lines: list[Mapping[str, Json]] = []
    for record in records:
        for role, post in sorted(posts.get(record.key, {}).items()):
            where: dict[str, Json] = {"scope": "case_trial", "key": record.key, "role": role}
            where |= {"case_id": record.case.case_id, "trial": record.trial, "attempts": max(1, len(record.attempts))}
            lines.append({**where, **post.cells()})
    sums: dict[str, _Post] = {}
    for of_case in posts.values():
        for role, post in of_case.items():
            _merge(sums.setdefault(role, _Post()), post)
    whole = _Post()
    for post in sums.values():
        _merge(whole, post)
    lines += [{"scope": "role", "role": role, **post.cells()} for role, post in sorted(sums.items())]
    lines.append({"scope": "run", "role": "all", **whole.cells(), "model": ""})
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _case_posts(
    records: Sequence[CaseRecord], grades: Iterable[Grade], config: JsonObject, dates: PriceDates
) -> dict[str, dict[str, _Post]]:
    posts: dict[str, dict[str, _Post]] = {record.key: {} for record in records}
    for record in records:
        used = sum((turn.usage for turn in record.turns), Usage())
        for role, cost_usd in record.cost_usd.items():
            post = posts[record.key].setdefault(role, _Post())
            usage = used if role == "assistant" else Usage()
            post.add(cost_usd, _model_of(role, record), dates.at(record.started_at), usage)
    listener = _text(lookup(config, ("provider", "models", "transcription")))
    for grade in grades:
        for role, cost_usd in grade_costs_usd(grade).items():
            post = posts.setdefault(grade.key, {}).setdefault(role, _Post())
            model = _text(grade.judge.get("model")) if role == JUDGE else listener
            usage = _judge_usage(grade) if role == JUDGE else Usage()
            post.add(cost_usd, model, dates.at(grade.graded_at), usage)
    return posts


def _merge(into: _Post, post: _Post) -> None:
    into.costs_usd += post.costs_usd
    into.models.update(post.models)
    into.dates.update(post.dates)
    into.usage += post.usage


def _model_of(role: str, record: CaseRecord) -> str:
    path = ("simulator", "turn_judge", "model") if role == JUDGE else (role, "model")
    return _text(lookup(record.settings, path))


def _judge_usage(grade: Grade) -> Usage:
    spent, made = grade.judge.get("input_tokens"), grade.judge.get("output_tokens")
    return Usage(
        input_tokens=spent if isinstance(spent, int) else None, output_tokens=made if isinstance(made, int) else None
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
