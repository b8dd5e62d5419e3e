"""What is left of a run, by content."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import Attempt, CaseRecord
from evalkit.records.reuse import reuse_key
from evalkit.runner.jobs import packaged_source
from evalkit.runner.pipeline import expand_trials
from evalkit.runner.prepare import Prepared, prepare
from evalkit.runner.remaining import find_changes, find_remaining, is_unchanged, spent_usd
from evalkit.store.recovery import Progress, Tries
from evalkit.store.run_directory import StoredRecord

REFUSED = Failure(Stage.CONNECT, "connection_refused", "no")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Three shipped cases, twice each."""
    (job,) = plan(["max_examples=3", "trials=2"], packaged_source()).jobs
    return prepare(job.config, Path.cwd(), os.environ)


@pytest.fixture(scope="module")
def trials(prepared: Prepared) -> list[CaseTrial]:
    """Their trials."""
    return expand_trials(prepared.cases, prepared.settings.trials, prepared.settings.seed)


def _stored(prepared: Prepared, trial: CaseTrial, fault: Fault | None = None) -> StoredRecord:
    fingerprint = prepared.fingerprint(trial.case)
    record = CaseRecord(
        case=trial.case, trial=trial.trial, seed=trial.seed, reuse_key=reuse_key(trial, fingerprint),
        settings=fingerprint,
        turns=(), failure=REFUSED if fault else None, attempts=(Attempt(1, 1.0, REFUSED if fault else None),),
        cost_usd={"assistant": 0.5}, served_model="", started_at="", duration_ms=0.0, fault=fault,
    )  # fmt: skip
    return StoredRecord(record, f"sha-{trial.key}")


def test_finished_stays_lost_is_tried_again_and_the_rest_is_new(prepared: Prepared, trials: list[CaseTrial]) -> None:
    """An assistant's failure is a result and stays; a lost case brings its attempts and costs along."""
    kept, poor, lost = trials[0], trials[1], trials[2]
    finished = {
        kept.key: _stored(prepared, kept),
        poor.key: _stored(prepared, poor, Fault.ASSISTANT),
        lost.key: _stored(prepared, lost, Fault.INFRASTRUCTURE),
    }
    again = Tries([Attempt(2, 1.0, REFUSED)], {"assistant": 0.25, "speech": None})
    left = find_remaining(prepared, trials, Progress(finished, {lost.key: again}), rerun_changed=False)
    assert [stored.record.key for stored in left.kept] == [kept.key, poor.key]
    assert [trial.key for trial in left.trials] == [trial.key for trial in trials[2:]]
    prior = left.priors[lost.key]
    assert [attempt.number for attempt in prior.attempts] == [1, 2]
    assert prior.cost_usd == {"assistant": 0.75, "speech": None}
    assert not prior.was_recorded
    left = find_remaining(prepared, trials, Progress(finished, {}), rerun_changed=False)
    assert left.priors[lost.key].was_recorded
    assert left.priors[trials[3].key].attempts == ()


def test_a_setting_that_is_another_is_named_and_decides_with_the_line(
    prepared: Prepared, trials: list[CaseTrial]
) -> None:
    """By its dotted name; the record stays, or makes way when the line says so."""
    first = trials[0]
    progress = Progress({first.key: _stored(prepared, first)})
    changed = replace(prepared, settings=replace(prepared.settings, chunk_ms=40))
    (message,) = find_changes(changed, trials, progress.finished, [trial.key for trial in trials])
    assert message == f"{first.key}: chunk_ms changed since it was run"
    assert len(find_remaining(changed, trials, progress, rerun_changed=False).kept) == 1
    again = find_remaining(changed, trials, progress, rerun_changed=True)
    assert (len(again.kept), len(again.trials)) == (0, len(trials))
    assert first.key not in again.priors


def test_cases_that_came_and_went_are_named(prepared: Prepared, trials: list[CaseTrial]) -> None:
    """A file with other rows is another run."""
    planned = [*(trial.key for trial in trials[1:]), "gone"]
    assert find_changes(prepared, trials, {}, planned) == [
        "gone: is not among the cases any more",
        f"{trials[0].key}: was not among the cases when the run began",
    ]


def test_a_changed_case_is_named_as_such(prepared: Prepared, trials: list[CaseTrial]) -> None:
    """The words are others: that is the case, not a setting."""
    first = trials[0]
    stored = _stored(prepared, first)
    other = replace(first, case=replace(first.case, inputs={"user_text": "something else"}))
    keys = [trial.key for trial in trials]
    (message,) = find_changes(prepared, [other, *trials[1:]], {first.key: stored}, keys)
    assert message == f"{first.key}: the case changed since it was run"


def test_a_run_of_which_nothing_changed_is_known_without_its_records(
    prepared: Prepared, trials: list[CaseTrial]
) -> None:
    """By the journal's keys alone, also where some are not finished; anything else is looked at."""
    planned = [trial.key for trial in trials]
    keys = {trial.key: reuse_key(trial, prepared.fingerprint(trial.case)) for trial in trials[:4]}
    assert is_unchanged(prepared, trials, keys, planned)
    assert is_unchanged(prepared, trials, {**keys, planned[0]: ""}, planned)  # a defect left it
    assert not is_unchanged(prepared, trials, {**keys, planned[0]: "another"}, planned)
    assert not is_unchanged(prepared, trials, keys, planned[1:])
    assert not is_unchanged(prepared, trials[1:], keys, planned)
    slower = replace(prepared, settings=replace(prepared.settings, chunk_ms=100))
    assert not is_unchanged(slower, trials, keys, planned)


def test_what_was_spent_counts_lost_tries_and_judges(prepared: Prepared, trials: list[CaseTrial]) -> None:
    """A budget that is resumed has not forgotten."""
    progress = Progress({trials[0].key: _stored(prepared, trials[0])}, {"x": Tries([], {"assistant": 0.25, "y": None})})
    assert spent_usd(progress, []) == pytest.approx(0.75)
