"""What a caller does beside his turns is planned from rules, seed and turn alone, and wrong rules are told apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.simulator.behaviour import (
    ActTrigger,
    BehaviourAct,
    PlannedAct,
    find_behaviour_problems,
    needs_duplex,
    plan_turn,
    presses_keys,
    read_behaviour,
)

HEARD = [act for act in BehaviourAct if act.is_heard and act is not BehaviourAct.KEYPRESS]
RULES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"act": st.sampled_from([str(act) for act in HEARD]), "share": st.floats(0, 1)}),
        st.fixed_dictionaries({"act": st.just("keypress"), "keys": st.from_regex("^[0-9*#A-D]{1,9}$", fullmatch=True)}),
        st.fixed_dictionaries({"act": st.just("pause"), "count": st.integers(1, 3)}),
        st.fixed_dictionaries({"act": st.just("silence"), "duration_ms": st.integers(0, 60_000)}),
    ),
    max_size=6,
)


@given(rules=RULES, seed=st.integers(0, 2**32), turn=st.integers(1, 50))
def test_one_seed_is_one_plan(rules: list[dict[str, Any]], seed: int, turn: int) -> None:
    """The same again however often it is made, and each rule's acts whatever rules of other acts stand beside it."""
    read = read_behaviour(rules)
    planned = plan_turn(read, seed, turn)
    assert planned == plan_turn(read, seed, turn)
    for act in BehaviourAct:
        alone = plan_turn([rule for rule in read if rule.act is act], seed, turn)
        assert [one for one in planned if one.act is act] == list(alone)


def test_another_seed_or_turn_is_another_plan() -> None:
    """Over a hundred seeds and turns hardly two delays are the same; the words and the delay stay within the rule."""
    rules = read_behaviour([{"act": "interruption", "delay_ms": [0, 50_000]}])
    plans = [plan_turn(rules, seed, turn)[0] for seed in range(10) for turn in range(1, 11)]
    assert len({plan.delay_ms for plan in plans}) > 95
    assert len({(plan.words, plan.then) for plan in plans}) == 6
    assert all(0 <= plan.delay_ms <= 50_000 for plan in plans)


def test_how_often_and_in_which_turns() -> None:
    """A share is kept to over many turns, named turns are kept to exactly, and several acts follow each other."""
    half = read_behaviour([{"act": "backchannel", "share": 0.5}])
    assert 400 < sum(len(plan_turn(half, 7, turn)) for turn in range(1, 1001)) < 600
    never = read_behaviour([{"act": "backchannel", "share": 0}])
    assert not any(plan_turn(never, 7, turn) for turn in range(1, 101))
    second = read_behaviour([{"act": "backchannel", "turns": [2], "count": 3, "delay_ms": [100, 200]}])
    assert not plan_turn(second, 7, 1)
    first, then, last = plan_turn(second, 7, 2)
    assert 100 <= first.delay_ms <= 200
    assert first.delay_ms + 100 <= then.delay_ms <= last.delay_ms - 100


def test_an_interruption_goes_on_when_it_has_been_dealt_with() -> None:
    """What follows is said to the assistant as a turn of its own, unless nothing is to follow."""
    (planned,) = plan_turn(read_behaviour([{"act": "interruption", "words": ["Wait."], "then": ["Go on."]}]), 1, 1)
    follow_up = planned.follow_up
    assert follow_up is not None
    assert (follow_up.words, follow_up.after, follow_up.said_as) == ("Go on.", ActTrigger.ACT_ANSWERED, "turn")
    assert follow_up.follow_up is None
    assert planned.to_json() == {
        "act": "interruption", "after": "assistant_speaks", "delay_ms": planned.delay_ms, "words": "Wait.",
        "voice": None, "level_db": 0.0,
    }  # fmt: skip
    (alone,) = plan_turn(read_behaviour([{"act": "interruption", "then": []}]), 1, 1)
    assert alone.follow_up is None


def test_a_greeting_is_talked_over_by_the_first_turn() -> None:
    """It has no words of its own, and there is but one greeting."""
    rules = read_behaviour([{"act": "interruption", "after": "greeting"}])
    (planned,) = plan_turn(rules, 1, 1)
    assert (planned.after, planned.words, planned.follow_up) == (ActTrigger.GREETING, "", None)
    assert plan_turn(rules, 1, 2) == ()


def test_what_is_not_heard_has_no_words() -> None:
    """Of a pause and a silence a record has how long they were to be."""
    pause, silence = plan_turn(read_behaviour([{"act": "pause"}, {"act": "silence", "duration_ms": 2000}]), 1, 1)
    assert 300 <= pause.duration_ms <= 900
    assert pause.to_json() == {"act": "pause", "duration_ms": pause.duration_ms}
    assert silence == PlannedAct(BehaviourAct.SILENCE, duration_ms=2000, place=silence.place)
    assert [needs_duplex({"act": act}) for act in ("pause", "silence", "interruption")] == [False, True, True]


def test_keys_are_pressed_when_the_assistant_has_finished_and_want_an_answer() -> None:
    """Transcripts show them in angle brackets, as a sound that is no word."""
    (planned,) = plan_turn(read_behaviour([{"act": "keypress", "keys": "48213#", "delay_ms": 400}]), 1, 1)
    assert planned.to_json() == {
        "act": "keypress", "after": "assistant_finished", "delay_ms": 400, "words": "<keys 48213#>", "keys": "48213#",
    }  # fmt: skip
    assert (planned.said_as, planned.act.wants_answer, planned.follow_up) == ("keypress", True, None)
    assert [presses_keys({"act": act}) for act in ("keypress", "interruption")] == [True, False]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "rule #1: 'act': is missing"),
        ({"act": "interupt"}, "rule #1: 'act': is the string 'interupt', expected interruption | backchannel"),
        ({"act": "backchannel", "share": 2}, "rule #1: 'share': is the number 2, expected number"),
        ({"act": "backchannel", "word": ["x"]}, "rule #1: 'word': unknown key; did you mean 'words'?"),
        ({"act": "backchannel", "then": ["x"]}, "rule #1: 'then': act backchannel has no such key; it has: act, share"),
        ({"act": "silence", "words": ["x"]}, "rule #1: 'words': act silence has no such key"),
        ({"act": "backchannel", "delay_ms": [9, 2]}, "rule #1: 'delay_ms': is [9, 2], expected the least first"),
        ({"act": "vocal_tic", "words": ["<sneeze>"]}, "rule #1: 'words': '<sneeze>' is no sound that can be made"),
        ({"act": "interruption", "after": "assistant_finished"}, "rule #1: 'after': is 'assistant_finished', but"),
        ({"act": "backchannel", "after": "greeting"}, "rule #1: 'after': is 'greeting', which only an interruption"),
        ({"act": "interruption", "after": "greeting", "words": ["x"]}, "rule #1: 'words': what cuts into a greeting"),
        ({"act": "keypress"}, "rule #1: 'keys': is missing; expected the keys that are pressed, for example '48213#'"),
        ({"act": "keypress", "keys": "12x"}, "rule #1: 'keys': is the string '12x', expected"),
        ({"act": "keypress", "keys": "1", "words": ["x"]}, "rule #1: 'words': act keypress has no such key"),
        ({"act": "backchannel", "keys": "1"}, "rule #1: 'keys': act backchannel has no such key"),
        ({"act": "backchannel", "words": [" "]}, "rule #1: 'words' #1: is blank, expected text"),
    ],
)
def test_a_wrong_rule_is_named_with_what_was_expected(rule: dict[str, Any], message: str) -> None:
    """Where it stands, what was found, what is allowed."""
    problems = find_behaviour_problems([rule], "rule")
    assert len(problems) == 1
    assert problems[0].startswith(message)


@given(rules=RULES)
def test_rules_that_are_right_have_no_problems(rules: list[dict[str, Any]]) -> None:
    """Whatever stands beside them."""
    assert find_behaviour_problems(rules, "rule") == []
