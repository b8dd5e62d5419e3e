"""What calls in full duplex say in the summary: values by hand, few events as counts, nothing without such calls."""

from __future__ import annotations

from typing import Any

import pytest
from layouts import layout_of
from turn_taking_notes import heard, interrupted

from evalkit.reports.rows import build_table
from evalkit.reports.summary import RunFacts, summarize
from evalkit.reports.turn_taking import list_metrics, read_calls, summarize_turn_taking

PANEL = (
    "response_latency response_rate yield_latency yield_rate backchannel_selectivity vocal_tic_selectivity "
    "side_speech_selectivity resume_rate agent_interruption_rate pause_takeover_rate talk_over pre_tool_speech_rate"
)


def found_in(records: Any) -> dict[str, Any]:
    node: Any = summarize_turn_taking(records, seed=0)["turn_taking"]
    return dict(node)


def test_values_intervals_and_events_by_hand(make_record: Any) -> None:
    """Six calls of two turns: answered after 0.5 and 1.5 s in three, after 1 and 2 s in the others."""
    quick, slow = heard([0.5, 1.5]), heard([1.0, 2.0])
    node = found_in([make_record(f"c{n}", notes={"turn_taking": slow if n % 2 else quick}) for n in range(6)])
    assert (node["calls"], node["unread"], list(node["metrics"])) == (6, {}, PANEL.split())
    latency = node["metrics"]["response_latency"]
    assert latency["value"] == pytest.approx(1.25)
    assert (latency["shown"], latency["events"], latency["unit"]) == ("1.25 s", 12, "seconds")
    low, high = latency["ci95"]
    assert 1.0 <= low < 1.25 < high <= 1.5
    rate = node["metrics"]["response_rate"]
    assert (rate["value"], rate["shown"], rate["events"], rate["unit"]) == (1.0, "1.00", 12, "share")
    assert rate["ci95"] == [pytest.approx(0.610, abs=0.001), 1.0]  # Wilson, all alike: six cases are the n
    assert "began to speak" in node["metrics"]["agent_interruption_rate"]["window"]


def test_a_rate_of_few_events_is_a_count(make_record: Any) -> None:
    """No value and no interval to be taken for one, and seconds are given however few they are."""
    yields = [make_record(f"c{n}", notes={"turn_taking": interrupted(spoke_on_s=0.5)}) for n in range(2)]
    deaf = make_record("c2", notes={"turn_taking": interrupted(spoke_on_s=3.0)})
    metrics = found_in([*yields, deaf])["metrics"]
    rate, latency = metrics["yield_rate"], metrics["yield_latency"]
    assert (rate["value"], rate["shown"], rate["events"], "ci95" in rate) == (None, "2 of 3", 3, False)
    assert (latency["value"], latency["censored"]) == (pytest.approx((0.5 + 0.5 + 2.0) / 3), 1)
    assert metrics["response_latency"]["set_aside"] == {"agent_speaking": 1}
    nothing = metrics["backchannel_selectivity"]
    assert (nothing["value"], nothing["shown"], nothing["events"]) == (None, "-", 0)


def test_ten_events_are_a_rate(make_record: Any) -> None:
    """The bound is that of tau-voice, whose metrics stand beside ours under names of their own."""
    calls = [interrupted(spoke_on_s=3.0 if n == 0 else 0.5) for n in range(10)]
    node = found_in([make_record(f"c{n}", notes={"turn_taking": call}) for n, call in enumerate(calls)])
    assert (node["metrics"]["yield_rate"]["value"], node["metrics"]["yield_rate"]["shown"]) == (0.9, "0.90")
    assert list(node["tau_voice"]) == ["L_R", "L_Y", "R_R", "R_Y", "I_A", "S_BC", "S_VT", "S_ND"]
    assert node["tau_voice"]["R_Y"]["value"] == 0.9
    assert node["tau_voice"]["L_Y"]["value"] == pytest.approx(0.6)  # in ticks of 0.2 s, over yields alone
    assert node["tau_voice"]["I_A"]["unit"] == "per turn"


def test_scores_of_other_benchmarks_by_hand(make_record: Any) -> None:
    """Answered after 0.4 and 2.5 s: EVA's score is the mean of 0.9 and 2/3; Full-Duplex-Bench takes the seconds."""
    node = found_in([make_record("c", notes={"turn_taking": heard([0.4, 2.5])})])
    score = node["eva"]["eva_turn_taking"]
    assert (score["value"], score["unit"], score["events"]) == (pytest.approx((0.9 + 2 / 3) / 2), "score", 1)
    assert (node["eva"]["eva_pass_rate"]["shown"], node["eva"]["eva_pass_rate"]["value"]) == ("0 of 1", None)
    assert node["eva"]["eva_pretoolspeech_rate"]["shown"] == "-"
    latency = node["full_duplex_bench"]["fdb_response_latency"]
    assert (latency["value"], latency["events"]) == (pytest.approx(1.45), 2)
    assert node["full_duplex_bench"]["fdb_stop_latency"]["events"] == 0
    assert "words" in node["not_measured"]["full_duplex_bench"]["version 1"]


def test_who_never_yields_takes_at_least_as_long_as_was_waited(make_record: Any) -> None:
    """And no interval, which would have no width, pretends that more is known."""
    deaf = [make_record(f"c{n}", notes={"turn_taking": interrupted(spoke_on_s=3.0)}) for n in range(6)]
    latency = found_in(deaf)["metrics"]["yield_latency"]
    assert (latency["value"], latency["shown"], "ci95" in latency) == (2.0, "at least 2.00 s", False)
    mixed = found_in([*deaf, make_record("c9", notes={"turn_taking": interrupted(spoke_on_s=0.5)})])
    latency = mixed["metrics"]["yield_latency"]
    assert (latency["shown"], latency["censored"], "ci95" in latency) == ("1.79 s", 6, True)


def test_every_metric_is_found_by_one_name(make_record: Any) -> None:
    """Evalkit's own, and those of others by names that say whose they are."""
    names = list(list_metrics(found_in([make_record("c", notes={"turn_taking": heard([0.4])})])))
    assert {"response_latency", "tau_l_r", "eva_turn_taking", "fdb_stop_latency"} < set(names)
    assert len(names) == 12 + 8 + 3 + 2


def test_trials_of_a_case_are_one_case(make_record: Any) -> None:
    """Their events count, and no interval comes from one case."""
    records = [make_record("c", trial, notes={"turn_taking": heard([0.4 + trial / 10])}) for trial in (1, 2)]
    latency = found_in(records)["metrics"]["response_latency"]
    assert (latency["value"], latency["events"], "ci95" in latency) == (pytest.approx(0.55), 2, False)


def test_nothing_appears_without_full_duplex(make_record: Any, lost: Any, config: Any) -> None:
    """Nor for calls that do not count."""
    unscored = make_record("gone", failure=lost.failure, notes={"turn_taking": heard([1.0])})
    assert summarize_turn_taking([make_record(), unscored], seed=0) == {}
    table = build_table(layout_of("crawl"), config, [make_record()], [], lambda path: path)
    assert "turn_taking" not in summarize(RunFacts("nightly", config, "abc"), table, [make_record()], [])


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("everything", "TypeError: notes.turn_taking is str"),
        ({"duration_s": 3.0}, "KeyError: 'caller'"),
        ({**heard([1.0]), "duration_s": 0.5}, "ValueError: broken: speech until"),
        ({**heard([1.0]), "agent": [{"parts": [[2.0, 2.0]], "was_cut": False}]}, "ValueError: a segment from 2.0 s"),
    ],
)
def test_a_call_that_cannot_be_read_is_named_and_counts_nowhere(make_record: Any, stored: Any, words: str) -> None:
    """One bad record takes no report away."""
    good = make_record("good", notes={"turn_taking": heard([1.0])})
    node = found_in([good, make_record("broken", notes={"turn_taking": stored})])
    assert (node["calls"], list(node["unread"])) == (1, ["broken"])
    assert node["unread"]["broken"].startswith(words)
    assert list(read_calls([good]).timelines) == ["good"]


def test_it_stands_in_the_summary(make_record: Any, config: Any) -> None:
    """With the seed of the run: the same records give the same intervals."""
    records = [make_record(f"c{n}", notes={"turn_taking": heard([0.3 * n + 0.1])}) for n in range(5)]
    table = build_table(layout_of("run"), config, records, [], lambda path: path)
    summary = summarize(RunFacts("nightly", config, "abc"), table, records, [])
    assert summary["turn_taking"] == found_in(records)


def test_turns_that_the_server_cut_are_counted(make_record: Any, make_turn: Any) -> None:
    """Of those in which the caller said one thing, where the server told; two acts are two turns rightly."""
    notes = heard([0.5, 0.5, 0.5, 0.5])
    for index, said in enumerate(notes["caller"], 1):
        said["turn_index"] = index
    notes["caller"].append({"turn_index": 4, "act": "nudge", "parts": [[27.0, 27.5]]})
    notes["duration_s"] = 28.0
    counts = (1.0, 3.0, None, 2.0)
    turns = tuple(
        make_turn(index, measures={} if count is None else {"detected_turns": count})
        for index, count in enumerate(counts, 1)
    )
    record = make_record("c", turns=turns, notes={"turn_taking": notes})
    node = found_in([record, make_record("old", notes={"turn_taking": heard([1.0])})])
    assert (node["unread"], node["detected"]) == ({}, {"turns": 2, "cut": 1})
