"""mode=coding as the engine sees it: what it reads, who it needs, and what decides a record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coding_tasks import ORACLE, TASK_YAML, write_task
from scripted_sandbox import ScriptedSandbox

from evalkit.errors import DataError
from evalkit.metrics.forecast import Range
from evalkit.modes.coding import languages
from evalkit.modes.coding.mode import CODING, CodingData
from evalkit.modes.coding.proving import _proof_of
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import MissingToolchain, Toolchain
from evalkit.peers.proofs import Proofs
from evalkit.runner.forecast import _load_rates

Make = Callable[..., CodingSettings]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with Python and a sandbox, and without Go."""

    def find(language: Language) -> Toolchain | MissingToolchain:
        if language is Language.GO:
            return MissingToolchain(language, "no go is on PATH; install it: apt install golang-go")
        return Toolchain(language, "/usr/bin/python3", "3.11")

    monkeypatch.setattr(languages, "find_toolchain", find)
    monkeypatch.setattr(languages, "_found", lambda _: ScriptedSandbox())


def _read(settings: CodingSettings) -> CodingData:
    return CODING.read(settings)


def test_what_cannot_be_run_here_is_skipped_visibly(make_settings: Make, tasks_dir: Path) -> None:
    """With the number of tasks, and what to install; the rest is run."""
    write_task(
        tasks_dir,
        "go_double",
        **{"task.yaml": TASK_YAML.replace("python", "go"), "judge/driver.go": "package main", "judge/driver.py": None},
    )
    data = _read(make_settings("assistant.model=m"))
    assert [case.case_id for case in data.cases] == ["python_double"]
    assert data.oddities == ("1 go tasks are skipped: no go is on PATH; install it: apt install golang-go",)
    assert data.notes[:1] == data.oddities
    with pytest.raises(DataError, match=r"no task of .* can be run here"):
        _read(make_settings("mode.tasks=[go_double]"))


def test_a_model_that_is_not_what_it_seems_is_named(make_settings: Make) -> None:
    """Nobody's first result is a nought without a word, and no recorded answer's latency is taken for the model's."""
    assert "local-agent writes no code; choose one" in _read(make_settings("assistant.model=local-agent")).oddities[0]
    assert "the grades are its own, the latencies are not" in _read(make_settings()).oddities[0]
    assert _read(make_settings("assistant.model=half")).oddities == ()


def test_tasks_of_ones_own_that_nobody_proved_are_named(
    make_settings: Make, tasks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until they are proved as they are; those that come with evalkit are."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    settings = make_settings("assistant.model=half")
    (note,) = _read(settings).notes
    assert f"1 of 1 tasks of {tasks_dir} were not proved as they are" in note
    data = _read(settings)
    Proofs.open().add(_proof_of(data.proved[0], data.languages.toolchains, data.languages.sandbox))
    assert _read(settings).notes == ()


def test_a_misspelt_answer_is_named(make_settings: Make, tasks_dir: Path, tmp_path: Path) -> None:
    """Beside the task that it was meant for; the name of another task is no mistake."""
    for name in ("python_other", "python_third"):
        write_task(tasks_dir, name)
    answers = tmp_path / "answers.jsonl"
    ids = ("python_double", "pyhton_other", "python_third")
    answers.write_text("".join(json.dumps({"task_id": name, "response": "x"}) + "\n" for name in ids))
    note = _read(make_settings(f"mode.responses={answers}")).notes[0]
    assert "1 tasks are skipped" in note
    assert "python_other; did you mean 'pyhton_other'?" in note
    chosen = _read(make_settings(f"mode.responses={answers}", "mode.tasks=[python_double,python_other]")).notes[0]
    assert "'pyhton_other'" in chosen


def test_a_dry_run_needs_no_machine_and_nobody(
    make_settings: Make, tasks_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither toolchain nor sandbox, neither key nor model; every task has its prompt."""
    write_task(
        tasks_dir,
        "go_double",
        **{"task.yaml": TASK_YAML.replace("python", "go"), "judge/driver.go": "package main", "judge/driver.py": None},
    )
    settings = make_settings("mode.dry_run=true", "provider=openai")
    data = _read(settings)
    assert len(data.cases) == 2
    assert CODING.needs(settings) == frozenset()
    assert CODING.graders(settings, data.cases[0]) == ()
    assert "nobody is asked" in CODING.describe(settings, data)
    assert CODING.prove(settings, data, print) == []


def test_stored_answers_need_nobody(make_settings: Make, tasks_dir: Path, tmp_path: Path) -> None:
    """What has no answer is left out and named; each trial must have its own."""
    write_task(tasks_dir, "python_other")
    answers = tmp_path / "answers"
    answers.mkdir()
    (answers / "python_double.md").write_text(f"```diff\n{ORACLE}```", encoding="utf-8")
    settings = make_settings(f"mode.responses={answers}")
    data = _read(settings)
    assert CODING.needs(settings) == frozenset()
    assert [case.case_id for case in data.cases] == ["python_double"]
    assert [task.task_id for task in data.proved] == ["python_double", "python_other"]
    assert "1 tasks are skipped" in data.notes[0]
    assert "python_other" in data.notes[0]
    assert CODING.subject(settings) == "responses-answers"
    resolved = _unsettled(mode=settings.config["mode"])
    CODING.settle(resolved)
    assert resolved["assistant"]["model"] is None
    assert (
        "has no answer to 1 of the case-trials"
        in _read(make_settings(f"mode.responses={answers}", "trials=2")).problems[0]
    )


def _unsettled(*, provider: str = "local", model: str = "local-agent", mode: Mapping[str, Any]) -> dict[str, Any]:
    return {"mode": dict(mode), "assistant": {"model": model, "provider": {"name": provider}}}


def test_a_dry_run_of_stored_answers_is_a_contradiction(make_settings: Make) -> None:
    """One of the two was not meant."""
    config = make_settings("mode.dry_run=true", "mode.responses=x").config
    assert len(CODING.find_contradictions(config)) == 1


def test_strict_stands_beside_lenient(make_settings: Make) -> None:
    """Two columns where leniency is allowed, one where it is not."""
    settings = make_settings()
    case = _read(settings).cases[0]
    assert [(spec.grader_id, spec.required) for spec in CODING.graders(settings, case)] == [
        ("tests", True), ("tests_strict", False),
    ]  # fmt: skip
    assert [spec.grader_id for spec in CODING.graders(make_settings("mode.lenient=false"), case)] == ["tests"]


@pytest.mark.parametrize(
    "override",
    ["mode.edit_format=whole", "mode.include_tests=true", "mode.lenient=false", "mode.repair_rounds=1",
     "assistant.temperature=0.5", "assistant.model=other"],
)  # fmt: skip
def test_what_changes_an_answer_is_in_the_fingerprint(make_settings: Make, override: str) -> None:
    """Resume and compare tell such records apart."""
    plain, other = make_settings(), make_settings(override)
    data = _read(plain)
    case = data.cases[0]
    assert CODING.fingerprint(plain, data, case) != CODING.fingerprint(other, data, case)


def test_so_is_the_machine_and_no_path(make_settings: Make, tmp_path: Path) -> None:
    """Another compiler or sandbox may end otherwise; another folder may not."""
    settings = make_settings()
    data = _read(settings)
    known = CODING.fingerprint(settings, data, data.cases[0])
    newer = {Language.PYTHON: Toolchain(Language.PYTHON, "/usr/bin/python3", "3.13")}
    for changed in (replace(data.languages, sandbox="none"), replace(data.languages, toolchains=newer)):
        assert CODING.fingerprint(settings, replace(data, languages=changed), data.cases[0]) != known
    assert str(tmp_path) not in repr(known)


def test_the_work_is_a_prompt_and_an_answer(make_settings: Make) -> None:
    """As many times as there may be rounds; written, so that no sound is in it."""
    settings = make_settings("mode.repair_rounds=2", "assistant.model=m")
    data = _read(settings)
    ((work, models),) = CODING.forecast(settings, data, _load_rates())
    assert (models.assistant, work.turns) == ("m", Range(1, 3))
    assert work.shown_bytes > len(data.tasks["python_double"].prompt)
    assert work.answer_tokens is not None
    assert work.answer_tokens.low > 0


def test_expectations_are_read_again_whatever_runs_here(make_settings: Make, tasks_dir: Path) -> None:
    """Scoring needs no toolchain."""
    write_task(
        tasks_dir,
        "go_double",
        **{"task.yaml": TASK_YAML.replace("python", "go"), "judge/driver.go": "package main", "judge/driver.py": None},
    )
    assert [case.case_id for case in CODING.read_expectations(make_settings())] == ["go_double", "python_double"]


def test_only_so_many_examples_are_taken(make_settings: Make, tasks_dir: Path) -> None:
    """The first ones; the rest is left out, and checked all the same."""
    write_task(tasks_dir, "python_other")
    data = _read(make_settings("max_examples=1"))
    assert ([case.case_id for case in data.cases], len(data.left_out)) == (["python_double"], 1)
    assert list(data.tasks) == ["python_double"]
