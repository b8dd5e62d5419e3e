"""Steps and ladders of realism: derived from configs, paired step by step, read in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from layouts import layout_of

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Stage
from evalkit.reports.pairs import Side
from evalkit.reports.realism import RealismLadder, RealismStep, find_realism, has_several_steps
from evalkit.reports.summary import RunFacts, summarize

TEXT: Mapping[str, Any] = {"input": "text"}
VOICE: Mapping[str, Any] = {"input": "voice", "channel": {"name": "clean"}, "turn_detection": {"type": "none"}}
PHONE: Mapping[str, Any] = {**VOICE, "channel": {"name": "telephone"}}
DUPLEX: Mapping[str, Any] = {**PHONE, "turn_detection": {"type": "server_vad"}}
STEPS = {"text": TEXT, "voice": VOICE, "phone": PHONE, "duplex": DUPLEX}
_SOUND = ("audio", "speech", "chunk_ms", "real_time")


@pytest.fixture
def side(config: Any, make_record: Any, both_grades: Any) -> Any:
    """Build a run of twelve cases at a step, of which those in `failed` did not pass."""

    def make(step: str, failed: str = "", *, cases: str = "abcdefghijkl", **changes: Any) -> Side:
        own = {key: value for key, value in config.items() if step != "text" or key not in _SOUND}
        records = [make_record(name) for name in cases]
        grades = [grade for name in cases for grade in both_grades(name, float(name not in failed), 1.0)]
        settings = {**own, **STEPS[step], **changes}
        return Side(step, f"/runs/{step}", layout_of("crawl"), settings, {}, len(records), records, grades)

    return make


def _only_ladder(*runs: Side) -> RealismLadder:
    report = find_realism(runs)
    assert report.left_out == ()
    (ladder,) = report.ladders
    return ladder


def test_the_order_is_that_of_the_configs(side: Any) -> None:
    """Whatever the order in which runs are given."""
    runs = [side(step) for step in ("duplex", "text", "phone", "voice")]
    ladder = _only_ladder(*runs)
    assert [each.run for each in ladder.steps] == list(STEPS)
    assert [each.step.name for each in ladder.steps] == [
        "text", "clean voice", "voice over telephone", "voice over telephone, full duplex",
    ]  # fmt: skip
    assert ladder == _only_ladder(*reversed(runs))


def test_a_run_of_before_there_was_an_input_is_spoken(config: Any) -> None:
    """A config without the key, or without turn detection, is what it was: a voice, and the client's turns."""
    assert RealismStep.of_config({**config, "channel": {"name": "clean"}}) == RealismStep.of_config(VOICE)
    assert RealismStep.of_config({"mode": {"name": "coding"}}) is None


def test_each_step_says_what_kind_of_loss_it_is(side: Any) -> None:
    """Reasoning first, then hearing, the line, and the turns; each beside the step before it."""
    ladder = _only_ladder(
        side("text", "a"), side("voice", "abcdefg"), side("phone", "abcdefgh"), side("duplex", "bcdefgh")
    )
    text, voice, phone, duplex = ladder.steps
    assert "misreasoned" in text.reading
    assert text.cost is None
    assert voice.cost is not None
    assert voice.cost.lost == tuple("bcdefg")
    assert voice.cost.passed is not None
    assert voice.cost.passed.difference == pytest.approx(-0.5)
    assert voice.cost.p_adjusted == pytest.approx(3 * 2 * 0.5**6)
    assert voice.reading == "a voice: -0.50 over 12 pairs may be chance"
    assert phone.reading.startswith("the line (telephone): -0.08 over 12 pairs may be chance; 0.26 would be found")
    assert duplex.cost is not None
    assert (duplex.cost.lost, duplex.cost.won) == ((), ("a",))
    assert duplex.reading.startswith("full duplex (server_vad): +0.08 over 12 pairs may be chance")


@pytest.mark.parametrize(
    ("below", "above", "says"),
    [
        ("text", "voice", "a voice: costs 1.00 over 12 pairs: the assistant mishears"),
        ("voice", "phone", "the line (telephone): costs 1.00 over 12 pairs: the assistant is lost on the line"),
        ("phone", "duplex", "full duplex (server_vad): costs 1.00 over 12 pairs: the assistant mistimes"),
        (
            "text", "phone",
            "a voice and the line (telephone): costs 1.00 over 12 pairs: the assistant mishears and is lost",
        ),
    ],
)  # fmt: skip
def test_a_sure_loss_is_named(side: Any, below: str, above: str, says: str) -> None:
    """By what the step adds; of a step that adds two things, both."""
    ladder = _only_ladder(side(below), side(above, "abcdefghijkl"))
    assert ladder.steps[1].reading.startswith(says)


def test_too_few_pairs_say_so(side: Any) -> None:
    """A share changes by 1 at most: where that would not be found either, nothing is promised."""
    ladder = _only_ladder(side("voice", cases="abc"), side("phone", "ab", cases="abc"))
    assert ladder.steps[1].reading.endswith("over 3 pairs may be chance; so few would show no difference at all")


def test_who_broke_off_did_not_mishear(side: Any, make_record: Any) -> None:
    """A case that was lost because no answer came says nothing of hearing, and is not told as if it did."""
    silent = Failure(Stage.RESPONSE_TIMEOUT, "timeout", "no response.done within 60 s")
    spoken = side("voice", "abcdefghijkl")
    records = [
        make_record(name, failure=silent) if name in "abcdefgh" else make_record(name) for name in "abcdefghijkl"
    ]
    step, phone = _only_ladder(side("text"), replace(spoken, records=records), side("phone")).steps[1:]
    assert step.cost is not None
    assert step.cost.broke_off == {"timeout": 8}
    assert step.reading == (
        "a voice: costs 1.00 over 12 pairs: the assistant breaks off; 8 of the 12 that were lost broke off (timeout)"
    )
    assert phone.reading == (
        "the line (telephone): gains 1.00 over 12 pairs; 8 of the 12 that were won had broken off before (timeout)"
    )


def test_without_text_nobody_can_tell_misheard_from_misreasoned(side: Any) -> None:
    """And where the words alone pass everywhere, that is said."""
    assert "misheard and misreasoned look alike" in _only_ladder(side("voice"), side("phone")).steps[0].reading
    assert "everything passes" in _only_ladder(side("text"), side("voice")).steps[0].reading
    assert _only_ladder(side("text"), side("voice")).steps[1].reading == "a voice: costs nothing in 12 pairs"


def test_scores_are_those_of_the_summary(side: Any) -> None:
    """One definition of each, intervals included."""
    run = side("voice", "abc")
    summary = summarize(RunFacts("s", run.config, "c"), run.table(), run.records, run.grades)
    step = _only_ladder(side("text"), run).steps[1]
    for found, metric in ((step.passed, "passed"), (step.grade, "grade")):
        assert (found.mean, found.n) == (summary[f"{metric}_mean"], summary[f"{metric}_n"])
        assert found.interval is not None
        assert [found.interval.low, found.interval.high] == summary[f"{metric}_ci95"]


def test_only_cases_of_both_are_paired(side: Any) -> None:
    """A case that another run did not have costs nothing; that there are such is counted."""
    step = _only_ladder(side("text", "d", cases="abcd"), side("voice", "a", cases="abc")).steps[1]
    assert step.cost is not None
    assert step.cost.passed is not None
    assert (step.cost.passed.n, step.cost.unpaired) == (3, 1)


def test_a_case_that_asks_something_else_is_no_pair(side: Any, make_record: Any, both_grades: Any) -> None:
    """Runs of other cases are on one ladder, and the step says that nothing can be compared."""
    run = side("voice")
    other = Case("a", "crawl", {"user_text": "else"}, (ExpectedCall("get_order", {"order_id": "007"}),))
    moved = Side(
        run.name, run.directory, run.layout, run.config, {}, 1, [make_record(case=other)], both_grades("a", 1, 1)
    )
    step = _only_ladder(side("text", cases="a"), moved).steps[1]
    assert step.cost is not None
    assert step.cost.passed is None
    assert step.reading == "a voice: no case-trial is decided in both"


def test_runs_of_other_models_are_no_steps(side: Any, config: Any) -> None:
    """Each kind of run has its own ladder; a run that is alone says what no other one has."""
    other = {"assistant": {**config["assistant"], "model": "model-b"}}
    report = find_realism([side("text"), side("voice"), side("text", **other), side("voice", "a", **other)])
    assert [ladder.of for ladder in report.ladders] == [("assistant.model=model-a",), ("assistant.model=model-b",)]
    report = find_realism([side("text"), side("voice", **other)])
    assert report.ladders == ()
    alone = "is the only run of its kind, and nothing can be said of a step: no other run has assistant.model"
    assert report.left_out == (f"text: {alone}=model-a", f"voice: {alone}=model-b")


def test_two_runs_of_one_step_are_not_chosen_between(side: Any) -> None:
    """They are refused together, with what to do."""
    report = find_realism([side("text"), side("voice"), side("voice", "a")])
    assert report.ladders == ()
    assert report.left_out == ("text, voice, voice: several runs of one step (clean voice); give one run of each",)


def test_each_line_and_each_turn_detection_has_its_ladder(side: Any) -> None:
    """Two that are alternatives are not steps of each other; both are compared with what lies below."""
    semantic = {"turn_detection": {"type": "semantic_vad"}}
    noisy = {"channel": {"name": "noisy"}}
    report = find_realism([side("voice"), side("duplex", "a"), side("duplex", "b", **semantic)])
    assert report.left_out == ()
    assert [ladder.of for ladder in report.ladders] == [
        ("turn_detection=server_vad",),
        ("turn_detection=semantic_vad",),
    ]
    assert [ladder.steps[1].cost.lost for ladder in report.ladders if ladder.steps[1].cost] == [("a",), ("b",)]
    report = find_realism([side("voice"), side("phone", "a"), side("phone", "b", **noisy), side("duplex")])
    assert [(ladder.of, [each.step.name for each in ladder.steps]) for ladder in report.ladders] == [
        (
            ("channel=telephone",),
            ["clean voice", "voice over telephone", "voice over telephone, full duplex"],
        ),
        (("channel=noisy",), ["clean voice", "voice over noisy"]),
    ]


def test_what_has_no_steps_has_no_ladder(config: Any) -> None:
    """A sweep over anything else is what it was."""
    assert not has_several_steps([{**config, **VOICE}, {**config, **VOICE, "chunk_ms": 60}])
    assert not has_several_steps([config, {**config, "chunk_ms": 60}])
    assert has_several_steps([TEXT, VOICE])


def test_it_is_plain_json(side: Any) -> None:
    """With the settings that make each step, and null on the lowest for what it cost."""
    told = json.loads(json.dumps(find_realism([side("text"), side("duplex", "a")]).to_json()))
    first, second = told["ladders"][0]["steps"]
    assert (first["input"], first["channel"], first["turn_detection"], first["cost"]) == ("text", None, None, None)
    assert (second["input"], second["channel"], second["turn_detection"]) == ("voice", "telephone", "server_vad")
    assert second["cost"]["lost"] == ["a"]
    assert second["cost"]["passed"]["difference"] == pytest.approx(-1 / 12)
    assert told["left_out"] == []
