"""What is left of a run, decided by content: what is finished stays, what was lost is tried again, the rest is new.

A finished case-trial is kept as long as nothing that decides its record has changed: the case's content, its seed, and
the settings in its mode's fingerprint. A change is named by what differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from evalkit.engine.scheduler import Prior
from evalkit.metrics.cost import sum_known_usd
from evalkit.records.case import CaseTrial
from evalkit.records.grade import Grade
from evalkit.records.json import Json
from evalkit.records.record import CaseRecord
from evalkit.records.reuse import reuse_key
from evalkit.runner.pipeline import Remaining, judging_cost_usd
from evalkit.runner.prepare import Prepared
from evalkit.store.recovery import Progress
from evalkit.store.run_directory import StoredRecord


def find_remaining(
    prepared: Prepared, trials: Sequence[CaseTrial], progress: Progress, *, rerun_changed: bool
) -> Remaining:
    """Return what is left of `trials`. A changed case-trial stays as it is unless `rerun_changed`."""
    kept: list[StoredRecord] = []
    left: list[CaseTrial] = []
    priors: dict[str, Prior] = {}
    for trial in trials:
        stored = progress.finished.get(trial.key)
        changed = stored is not None and _is_changed(prepared, trial, stored.record)
        if stored is not None and stored.record.scored and not (changed and rerun_changed):
            kept.append(stored)
            continue
        left.append(trial)
        if not changed:
            priors[trial.key] = _prior(trial.key, stored, progress)
    return Remaining(left, priors, kept)


def find_changes(
    prepared: Prepared, trials: Sequence[CaseTrial], finished: Mapping[str, StoredRecord], planned: Sequence[str]
) -> list[str]:
    """Return a message for every case-trial that was added, removed or changed since the run began.

    `planned` has the keys planned at the beginning.
    """
    keys = dict.fromkeys(trial.key for trial in trials)
    known = frozenset(planned)
    gone = [f"{key}: is not among the cases any more" for key in planned if key not in keys]
    new = [f"{key}: was not among the cases when the run began" for key in keys if key not in known]
    changed = [
        f"{trial.key}: {', '.join(_find_differences(prepared, trial, stored.record))} changed since it was run"
        for trial in trials
        if (stored := finished.get(trial.key)) is not None and _is_changed(prepared, trial, stored.record)
    ]
    return [*gone, *new, *changed]


def is_unchanged(
    prepared: Prepared, trials: Sequence[CaseTrial], finished: Mapping[str, str], planned: Sequence[str]
) -> bool:
    """Tell that :func:`find_changes` would find nothing, without any record; False: it has to look.

    `finished` has the reuse key of every case-trial that is finished, `planned` the keys planned at the beginning.
    """
    if {trial.key for trial in trials} != set(planned):
        return False
    # A record that a defect of ours left has no key to go by.
    begun = [trial for trial in trials if finished.get(trial.key)]
    return all(finished[trial.key] == reuse_key(trial, prepared.fingerprint(trial.case)) for trial in begun)


def spent_usd(progress: Progress, grades: Sequence[Grade]) -> float:
    """Return what a run has cost so far in dollars, as far as prices are known."""
    records = [cost for stored in progress.finished.values() for cost in stored.record.cost_usd.values()]
    tries = [cost for tried in progress.tries.values() for cost in tried.cost_usd.values()]
    return math.fsum(cost for cost in (*records, *tries) if cost is not None) + judging_cost_usd(grades)


def _prior(key: str, stored: StoredRecord | None, progress: Progress) -> Prior:
    tried = progress.tries.get(key)
    attempts = [*(stored.record.attempts if stored else ()), *(tried.attempts if tried else ())]
    costs = [dict(stored.record.cost_usd) if stored else {}, dict(tried.cost_usd) if tried else {}]
    roles = {role for cost in costs for role in cost}
    spent = {role: sum_known_usd([cost[role] for cost in costs if role in cost]) for role in roles}
    return Prior(tuple(attempts), spent, was_recorded=stored is not None and tried is None)


def _is_changed(prepared: Prepared, trial: CaseTrial, record: CaseRecord) -> bool:
    # A record that a defect of ours left has no key to go by.
    return bool(record.reuse_key) and bool(_find_differences(prepared, trial, record))


def _find_differences(prepared: Prepared, trial: CaseTrial, record: CaseRecord) -> list[str]:
    """Return what has changed about `trial`: its case, its seed, or settings by their keys."""
    found = ["the case"] if trial.case.sha256 != record.case.sha256 else []
    found += ["its seed"] if trial.seed != record.seed else []
    now = prepared.fingerprint(trial.case)
    # Of a run that is older than this version: what its mode does not ask for any more decided nothing.
    before = {key: value for key, value in record.settings.items() if key in now}
    return [*found, *_differing_keys(before, now)]


def _differing_keys(before: Json, now: Json, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from _differing_keys(before.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif _plain(before) != _plain(now):
        yield path


def _plain(value: Json) -> Json:
    """Return `value` as it would come back from JSON."""
    return list(value) if isinstance(value, tuple) else value
