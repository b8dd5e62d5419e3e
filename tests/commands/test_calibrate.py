"""``evalkit calibrate``: numbers of a judge against labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judged_run import POLITE, write_judged_run

from evalkit.commands.calibrate import as_json, ask_labelled, main, read_judge_settings, render, split_reviews
from evalkit.compose.planning import plan
from evalkit.datasets.calibration import Happening, LabelledQuestion
from evalkit.errors import CaseFailure, ConfigError
from evalkit.graders.context import JudgeAnswer
from evalkit.lab.people.reviews import Label, Review, add_review
from evalkit.records.faults import Stage
from evalkit.runner.jobs import packaged_source
from evalkit.settings.types import RunSettings


def question(name: str, label: str, words: str) -> LabelledQuestion:
    return LabelledQuestion(name, "greeting", "The assistant greets.", (Happening(1, "assistant", words, ""),), label)


QUESTIONS = [
    question("right", "pass", "say pass"),
    question("wrong", "fail", "say pass"),
    question("also-right", "fail", "say fail"),
    question("open", "pass", "say cannot_tell"),
]


class ObedientJudge:
    """Says whatever the call tells it to: the opposite of a good judge, and handy here."""

    model = "obedient"
    votes = 1

    async def ask(self, instructions: str, text: str, schema: Any, *, vote: int) -> JudgeAnswer:
        verdict = text.split("say ")[1].split('"', maxsplit=1)[0]
        parsed = {"evidence": [], "reasoning": "told so", "verdict": verdict}
        return JudgeAnswer(json.dumps(parsed), parsed, "", refused=False, model="obedient", cost_usd=0.5)


def settings(*overrides: str, environ: dict[str, str] | None = None) -> RunSettings:
    planned = plan(overrides, packaged_source(()))
    return read_judge_settings(planned.jobs[0].config, Path.cwd(), environ or {})


async def test_the_numbers() -> None:
    """Agreement over what was decided, abstention beside it, and every disagreement by name."""
    found = as_json(await ask_labelled(ObedientJudge(), QUESTIONS), settings())
    assert (found["n"], found["decided"], found["agreement"]) == (4, 3, pytest.approx(2 / 3))
    assert (found["kappa"], found["abstention_rate"], found["cost_usd"]) == (pytest.approx(0.4), 0.25, 2.0)
    assert found["confusion"] == {"pass": {"pass": 1, "fail": 0, "none": 1}, "fail": {"pass": 1, "fail": 1, "none": 0}}
    assert [entry["id"] for entry in found["disagreements"]] == ["wrong"]
    assert [entry["id"] for entry in found["abstentions"]] == ["open"]
    assert json.loads(json.dumps(found)) == found


async def test_the_page_shows_the_same() -> None:
    """A person reads the same numbers."""
    page = render(await ask_labelled(ObedientJudge(), QUESTIONS), settings())
    for words in ("66.7% of the decided", "0.40", "25.0%", "wrong: label fail, judge pass: told so", "local-judge"):
        assert words in page


async def test_a_judge_out_of_reach_agrees_with_nothing() -> None:
    """No answer is an abstention with its reason, and no number is made up."""

    class Absent(ObedientJudge):
        async def ask(self, instructions: str, text: str, schema: Any, *, vote: int) -> JudgeAnswer:
            raise CaseFailure(Stage.GRADING, "connection_refused", "nobody listens")

    found = as_json(await ask_labelled(Absent(), QUESTIONS), settings())
    assert (found["decided"], found["agreement"], found["kappa"]) == (0, None, None)
    assert "connection_refused" in found["abstentions"][0]["rationale"]


def test_another_judge_needs_its_own_key_only() -> None:
    """The judge's provider is checked, and nothing that calibration does not use."""
    line = ("provider@judge.provider=openai", "judge.model=gpt-4.1-mini")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        settings(*line)
    chosen = settings(*line, environ={"OPENAI_API_KEY": "k"})
    assert (chosen.judge.provider.name, chosen.judge.model) == ("openai", "gpt-4.1-mini")


def test_sweeps_are_refused() -> None:
    """One judge is measured at a time."""
    with pytest.raises(ConfigError, match="one judge"):
        main(["-m", "judge.votes=1,3"])


@pytest.mark.parametrize(
    ("words", "folders", "others"),
    [
        (["reviews=a"], ["a"], []),
        (["judge.votes=3", "reviews=a,b", "c", "d"], ["a", "b", "c", "d"], ["judge.votes=3"]),
        (["reviews=a", "judge.votes=3", "reviews=b"], ["a", "b"], ["judge.votes=3"]),
        (["a"], [], ["a"]),
    ],
)
def test_folders_of_reviews_are_told_from_settings(words: list[str], folders: list[str], others: list[str]) -> None:
    """However they are parted; a word that stands alone is left to whoever complains of it."""
    assert split_reviews(words) == ([Path(folder) for folder in folders], others)


def test_a_judge_is_measured_against_what_people_said(tmp_path: Path, capsys: Any) -> None:
    """The embedded judge reads the very calls that were reviewed; who reviewed them is told with their agreement."""
    cases = {"polite-1": True, "polite-2": True}
    run = write_judged_run(tmp_path / "a run", cases, verdicts=dict.fromkeys(cases, 1.0))
    for key in cases:
        for by, label in (("ann", Label.PASS), ("ben", Label.PASS if key == "polite-1" else Label.FAIL)):
            sha256 = run.read_finished()[key].sha256
            add_review(run.root, Review(key, label, by, "2026", sha256, POLITE, 1))
    assert main([f"reviews={tmp_path}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["calibration_file"]) == (1, None)
    assert found["reviews"] == {
        "runs": 1,
        "reviews": 2,
        "left_out": {"reviewers are evenly split": 1},
        "people": [{"reviewers": ["ann", "ben"], "n": 2, "agreement": 0.5, "kappa": pytest.approx(0.0)}],
    }
    assert main([f"reviews={tmp_path}"]) == 0
    text = capsys.readouterr().out
    assert "on 2 reviews by people in 1 run" in text
    assert "people           ann and ben agree on 50.0% of 2, kappa 0.00" in text
    assert "left out         1: reviewers are evenly split" in text


@pytest.mark.parametrize(
    ("line", "words"),
    [(["reviews="], "names no folder"), (["--blind"], "--blind counts reviews"), (["reviews=gone"], "is not a folder")],
)
def test_mistakes_about_reviews_are_named(line: list[str], words: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(ConfigError, match=words):
        main(line)
