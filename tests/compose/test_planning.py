"""What people type works as written, and what they mistype is answered with the nearest name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Plan, packaged_source
from evalkit.settings.options import list_groups
from evalkit.settings.schemas import key_at, mode_names


def _plan(*overrides: str, multirun: bool = False) -> Plan:
    return plan(overrides, packaged_source(), multirun=multirun)


def _problems(*overrides: str, multirun: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        _plan(*overrides, multirun=multirun)
    return "\n".join(caught.value.problems)


def _shipped_options() -> list[str]:
    return [f"{group}={option}" for group, options in list_groups().items() for option in options]


@pytest.mark.parametrize("option", _shipped_options())
def test_every_shipped_option_composes(option: str) -> None:
    """No option ships that cannot be chosen, in one of the modes that have its group."""
    group = option.partition("=")[0]
    modes = [f"mode={name}" for name in mode_names() if key_at(group, name) or group == "realism"]
    modes = modes if group != "mode" else []
    assert any(_composes(mode, option) for mode in modes) or _composes(option)


def _composes(*overrides: str) -> bool:
    try:
        return bool(_plan(*overrides).jobs)
    except ConfigError:
        return False


def test_the_documented_sweep_makes_four_jobs() -> None:
    """-m assistant.model=a,b chunk_ms=20,40, in the order Hydra numbers them."""
    jobs = _plan("assistant.model=a,b", "chunk_ms=20,40", multirun=True).jobs
    assert [(job.number, job.config["assistant"]["model"], job.config["chunk_ms"]) for job in jobs] == [
        (0, "a", 20),
        (1, "a", 40),
        (2, "b", 20),
        (3, "b", 40),
    ]


@pytest.mark.parametrize(
    ("override", "model"),
    [
        ("assistant.model=1e5", "1e5"),
        ("assistant.model=007", "007"),
        ("assistant.model=1_000", "1_000"),
        ("assistant.model=true", "true"),
        ("assistant.model=openai/gpt-x:8b@v1", "openai/gpt-x:8b@v1"),
        ("assistant.model=gpt=mini", "gpt=mini"),
        ("assistant.model='a,b'", "a,b"),
        ("assistant.model=null", None),
    ],
)
def test_model_names_arrive_as_typed(override: str, model: str | None) -> None:
    """A model called 1e5 is no number."""
    assert _plan(override).jobs[0].config["assistant"]["model"] == model


def test_number_like_names_survive_a_sweep() -> None:
    """Also beside others, and in a launched job."""
    jobs = _plan("assistant.model=1e5,x,'c,d'", multirun=True).jobs
    assert [job.config["assistant"]["model"] for job in jobs] == ["1e5", "x", "c,d"]


def test_a_sweep_with_one_bad_value_starts_nothing() -> None:
    """All jobs are composed before any is launched."""
    assert "chunk_ms: 'abc'" in _problems("chunk_ms=20,abc", multirun=True)


def test_a_search_folder_adds_options(tmp_path: Path) -> None:
    """--config-dir: one's own presets beside the shipped ones."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nchunk_ms: 60\n")
    source = packaged_source([str(tmp_path)])
    assert plan(["experiment=mine"], source).jobs[0].config["chunk_ms"] == 60


def test_a_wrong_type_in_a_file_is_named(tmp_path: Path) -> None:
    """Files are checked like the command line."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nchunk_ms: soon\n")
    source = packaged_source([str(tmp_path)])
    with pytest.raises(ConfigError, match="chunk_ms"):
        plan(["experiment=mine"], source)


def test_how_jobs_run_is_not_part_of_what_they_do() -> None:
    """Overrides of Hydra itself are in no job, and so in no folder's name and no table."""
    jobs = _plan("hydra/launcher=basic", "hydra.verbose=false", "seed=1,2", multirun=True).jobs
    assert [job.overrides for job in jobs] == [("seed=1",), ("seed=2",)]


def test_a_file_can_hold_a_sweep() -> None:
    """The preset chunk_sweep is a sweep without -m; a value on the line narrows it."""
    planned = _plan("experiment=chunk_sweep")
    assert planned.multirun
    assert [(job.config["chunk_ms"], job.config["channel"]["name"]) for job in planned.jobs] == [
        (chunk_ms, channel) for chunk_ms in (20, 60, 100) for channel in ("clean", "telephone")
    ]
    assert len(_plan("experiment=chunk_sweep", "channel=clean").jobs) == 3


def test_a_sweep_in_a_file_is_checked_like_one_on_the_line(tmp_path: Path) -> None:
    """A mistyped key in it is answered with the nearest name, never with Hydra's advice to append it."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {chunkms: '20,40'}}}\n"
    )
    with pytest.raises(ConfigError, match="did you mean 'chunk_ms'"):
        plan(["experiment=mine"], packaged_source([str(tmp_path)]))


def test_a_file_for_each_pair_is_a_paired_sweep(tmp_path: Path) -> None:
    """-m 'experiment=glob(pair_*)': each file is one job, with all that belongs together in it."""
    (tmp_path / "experiment").mkdir()
    for name, model, chunk_ms in (("pair_a", "a", 20), ("pair_b", "b", 60), ("other", "c", 100)):
        (tmp_path / "experiment" / f"{name}.yaml").write_text(
            f"# @package _global_\nassistant: {{model: {model}}}\nchunk_ms: {chunk_ms}\n"
        )
    source = packaged_source([str(tmp_path)])
    planned = plan(["experiment=glob(pair_*)"], source, multirun=True)
    assert [(job.config["assistant"]["model"], job.config["chunk_ms"]) for job in planned.jobs] == [
        ("a", 20),
        ("b", 60),
    ]
    assert [job.overrides for job in planned.jobs] == [("experiment=pair_a",), ("experiment=pair_b",)]


def test_types_are_made_for_the_mode_that_is_composed_and_for_who_asks_by_name() -> None:
    """A worker process, which is handed a config of another mode, finds its types; no command makes all of them."""
    program = """
import pickle
from evalkit.compose import run_types
from evalkit.compose.planning import plan
from evalkit.runner.jobs import packaged_source
print([name for name in vars(run_types) if name.endswith("Run")])
plan(("mode=walk",), packaged_source())
print([name for name in vars(run_types) if name.endswith("Run")])
print(pickle.loads(b"cevalkit.compose.run_types\\nTerminalRun\\n.").__name__, hasattr(run_types, "NoSuchRun"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[]", "['WalkRun']", "TerminalRun False"], done.stderr
