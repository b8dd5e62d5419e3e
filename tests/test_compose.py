"""What people type works as written, and what they mistype is answered with the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import compose
from evalkit.errors import ConfigError
from evalkit.settings.resources import resource_dir


def _plan(*overrides: str, multirun: bool = False) -> compose.Plan:
    return compose.plan(overrides, compose.packaged_source(), multirun=multirun)


def _problems(*overrides: str, multirun: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        _plan(*overrides, multirun=multirun)
    return "\n".join(caught.value.problems)


def _shipped_options() -> list[str]:
    folders = [path for path in resource_dir("conf").iterdir() if path.is_dir() and path.name != "hydra"]
    return [f"{folder.name}={path.stem}" for folder in folders for path in folder.glob("*.yaml")]


@pytest.mark.parametrize("option", _shipped_options())
def test_every_shipped_option_composes(option: str) -> None:
    """No option ships that cannot be chosen."""
    assert _plan(option).jobs[0].config["mode"]["name"]


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


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("mode=crawll", "did you mean 'crawl'?"),
        ("chunkms=40", "did you mean 'chunk_ms'?"),
        ("asistant.model=x", "did you mean 'assistant.model'?"),
        ("+new=1", "new: unknown key"),
        ("++assistant.foo=1", "assistant.foo: unknown key"),
        ("~seed", "cannot be taken away"),
        ("chunk_ms=abc", "chunk_ms: 'abc' is not allowed; expected integer"),
        ("chunk_ms=3", "chunk_ms: 3 is not allowed"),
        ("chunk_ms=20,40", "evalkit -m chunk_ms=20,40"),
        ("provider@judge.provider=opanai", "did you mean 'openai'?"),
        ("judge.provider.base_url=http://x/v1", "provider@judge.provider=NAME"),
        ("seed", "not key=value"),
        ("+api_key=sk-canary", "api_key: unknown key"),
    ],
)
def test_a_wrong_override_is_answered_with_what_was_meant(override: str, expected: str) -> None:
    """One clear message each, and never Hydra's advice to append the key."""
    problems = _problems(override)
    assert expected in problems
    assert "To append" not in problems
    assert "sk-canary" not in problems


def test_all_wrong_overrides_are_listed_at_once() -> None:
    """Not the first only."""
    assert len(_problems("mode=crawll", "chunkms=1", "trials=abc", "~seed").splitlines()) == 4


def test_a_sweep_with_one_bad_value_starts_nothing() -> None:
    """All jobs are composed before any is launched."""
    assert "chunk_ms: 'abc'" in _problems("chunk_ms=20,abc", multirun=True)


@given(st.text(min_size=1, max_size=300))
def test_a_slug_is_a_safe_short_name(text: str) -> None:
    """No separators, no traversal, no endless names, whatever a model is called."""
    name = compose.slug(text)
    assert 0 < len(name) <= 67
    assert not set(name) & set('/\\:*?"<>| ,\n\0')
    assert not name.startswith(".")


@given(st.text(max_size=80), st.text(max_size=80))
def test_different_texts_have_different_slugs(first: str, second: str) -> None:
    """Two jobs never share a directory because their names were cut."""
    assert (compose.slug(first) == compose.slug(second)) == (first == second)


def test_a_search_folder_adds_options(tmp_path: Path) -> None:
    """--config-dir: one's own presets beside the shipped ones."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nchunk_ms: 60\n")
    source = compose.packaged_source([str(tmp_path)])
    assert compose.plan(["experiment=mine"], source).jobs[0].config["chunk_ms"] == 60


def test_a_wrong_type_in_a_file_is_named(tmp_path: Path) -> None:
    """Files are checked like the command line."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nchunk_ms: soon\n")
    source = compose.packaged_source([str(tmp_path)])
    with pytest.raises(ConfigError, match="chunk_ms"):
        compose.plan(["experiment=mine"], source)


def test_launched_jobs_get_their_own_directory_and_config(tmp_path: Path) -> None:
    """What was planned is what runs, also with a slash or a number for a name; sys.argv is left as it was."""
    seen: list[tuple[int, str, int, str]] = []

    def run_job(job: compose.Job, destination: compose.Destination) -> None:
        seen.append((job.number, job.config["assistant"]["model"], job.config["chunk_ms"], destination.run_dir.name))

    planned = _plan("assistant.model=a/b,1e5", "chunk_ms=20,40", multirun=True)
    compose.launch(planned, run_job, tmp_path / "sweep")
    assert [entry[:3] for entry in seen] == [(0, "a/b", 20), (1, "a/b", 40), (2, "1e5", 20), (3, "1e5", 40)]
    assert len({entry[3] for entry in seen}) == 4
    assert {path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()} == {entry[3] for entry in seen}


def test_a_job_lies_where_the_plan_says(tmp_path: Path) -> None:
    """The folder's name follows from the plan alone, so that a sweep can be told from what is left of it."""
    found: dict[int, str] = {}

    def run_job(job: compose.Job, destination: compose.Destination) -> None:
        found[job.number] = destination.run_dir.name

    planned = _plan("assistant.model=a/b,'x,y',1e5", "simulator.prompt='" + "so " * 60 + "'", "seed=1", multirun=True)
    compose.launch(planned, run_job, tmp_path / "sweep")
    assert found == {job.number: job.directory_name for job in planned.jobs}


def test_how_jobs_run_is_not_part_of_what_they_do() -> None:
    """Overrides of Hydra itself are in no job, and so in no folder's name and no table."""
    jobs = _plan("hydra/launcher=basic", "hydra.verbose=false", "seed=1,2", multirun=True).jobs
    assert [job.overrides for job in jobs] == [("seed=1",), ("seed=2",)]


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir"])
def test_where_things_lie_is_not_said_twice(key: str) -> None:
    """Hydra's own keys for it would be ignored, or lose the jobs."""
    assert "output_dir" in _problems(f"{key}=x")
