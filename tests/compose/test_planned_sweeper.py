"""A sweep's jobs are composed when they are planned and when they run, and not in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from evalkit.compose.launching import launch
from evalkit.compose.planning import plan
from evalkit.runner.jobs import Destination, Job, packaged_source
from evalkit.runner.sweep import begin_sweep


def _launch(root: Path, *line: str, numbers: list[int] | None = None) -> list[Job]:
    """Launch jobs of a line in this process; return those that ran."""
    ran: list[Job] = []
    planned = plan(line, packaged_source(), multirun=True)
    root.mkdir()
    begin_sweep(planned, root, working_dir=root, config_sha256=["-"] * len(planned.jobs))

    def run_job(job: Job, _: Destination) -> None:
        ran.append(job)

    launch(planned, run_job, root, numbers)
    return ran


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What Hydra composes."""
    found: list[tuple[str, ...]] = []
    compose = ConfigLoaderImpl._load_configuration_impl

    def note(self: ConfigLoaderImpl, *, overrides: list[str], **given: object) -> object:
        found.append(tuple(overrides))
        return compose(self, overrides=overrides, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(ConfigLoaderImpl, "_load_configuration_impl", note)
    return found


def test_only_the_jobs_that_are_to_run_are_composed_to_run(tmp_path: Path, composed: list[tuple[str, ...]]) -> None:
    """Two of four hundred: beside the line itself, as often as with two of fifty."""
    counts = []
    for jobs in (50, 400):
        composed.clear()
        ran = _launch(tmp_path / str(jobs), f"seed=range({jobs})", numbers=[3, 40])
        assert [(job.number, job.config["seed"], job.overrides) for job in ran] == [
            (3, 3, ("seed=3",)),
            (40, 40, ("seed=40",)),
        ]
        counts.append(len(composed))
    assert counts[0] == counts[1]


def test_all_jobs_run_in_order_and_in_batches_where_that_is_asked_for(tmp_path: Path) -> None:
    """With their numbers, and with what Hydra leaves at the root."""
    for batches in ((), ("hydra.sweeper.max_batch_size=2",)):
        root = tmp_path / str(len(batches))
        ran = _launch(root, "seed=1,2,3", *batches)
        assert [(job.number, job.config["seed"]) for job in ran] == [(0, 1), (1, 2), (2, 3)]
        assert (root / "multirun.yaml").is_file()


def test_a_sweep_in_random_order_runs_as_it_is_planned(tmp_path: Path) -> None:
    """Each job lies in the folder that bears its values, and was composed with them."""
    ran = _launch(tmp_path / "sweep", "seed=shuffle(range(40))")
    names = [next((tmp_path / "sweep").glob(f"{job.number}_*")).name for job in ran]
    assert [name.partition("seed-")[2].partition("-")[0] for name in names] == [str(job.config["seed"]) for job in ran]
