"""Whom a rule hits: by case and attempt, never by order or company."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.introduction import HEADER as SENT_HEADER
from evalkit.realtime.introduction import Introduction
from evalkit.service.faults.catalogue import Where
from evalkit.service.faults.decisions import (
    HEADER,
    SessionIdentity,
    read_introduction,
    rule_for_request,
    rules_for_session,
    stranger,
)
from evalkit.service.faults.plan import parse_plan


@given(st.text(min_size=1, max_size=30), st.integers(1, 99), st.integers(0, 2**31 - 1))
def test_the_service_reads_what_the_client_writes(case: str, attempt: int, seed: int) -> None:
    """The two sides share no code, so this holds them together."""
    sent = Introduction(case, attempt, seed).headers("ws://127.0.0.1:1/v1/realtime", "simulator")
    assert SENT_HEADER == HEADER
    assert read_introduction(sent[HEADER]) == SessionIdentity("simulator", attempt, seed, case)


@pytest.mark.parametrize("header", [None, "", "a/b/c/d", "assistant/1/2", "assistant/-1/2/c"])
def test_what_is_no_introduction(header: str | None) -> None:
    """Such a client is a stranger."""
    assert read_introduction(header) is None


def _hit(plan: str, *, attempt: int = 1, case: str = "c1", source: str = "assistant", seed: int = 7) -> bool:
    return bool(rules_for_session(parse_plan(plan), Where.SESSION, SessionIdentity(source, attempt, seed, case)))


def test_times_lets_later_attempts_pass() -> None:
    """The first n attempts are hit, and no memory is needed for it."""
    assert [_hit("close/times:2", attempt=attempt) for attempt in (1, 2, 3, 1)] == [True, True, False, True]


def test_case_and_source() -> None:
    """A rule names one case-trial; by default it means the assistant's session."""
    assert _hit("close/case:c1")
    assert not _hit("close/case:c1", case="c1.t2")
    assert not _hit("close", source="simulator")
    assert _hit("close/source:any", source="simulator")


def test_share_is_a_share_of_the_cases_and_moves_with_the_seed() -> None:
    """About that many are hit, the same ones every time, in every attempt alike; another seed hits others."""
    cases = [f"case-{number}" for number in range(1000)]
    hit = {case for case in cases if _hit("close/share:0.3", case=case)}
    assert 250 < len(hit) < 350
    assert hit == {case for case in cases if _hit("close/share:0.3", case=case, attempt=2)}
    assert hit != {case for case in cases if _hit("close/share:0.3", case=case, seed=8)}


def test_two_rules_draw_for_themselves() -> None:
    """Equal shares do not hit the same cases."""
    plan = parse_plan("close/share:0.5+reset/share:0.5")
    met = [len(rules_for_session(plan, Where.SESSION, SessionIdentity("assistant", 1, 1, f"c{n}"))) for n in range(200)]
    assert set(met) == {0, 1, 2}


def test_strangers_are_counted() -> None:
    """The n-th session that does not say whose it is counts as its n-th attempt."""
    plan = parse_plan("close/times:1")
    assert [bool(rules_for_session(plan, Where.SESSION, stranger(number))) for number in (1, 2)] == [True, False]


def test_requests_are_known_by_role_text_and_how_often_they_came() -> None:
    """The first rule that fits counts."""
    plan = parse_plan(f"http_stall/role:speech/match:{quote('a lamp')}/times:1+http_garbage/role:judge")
    hit = rule_for_request(plan, "speech", b'{"input": "a lamp"}', 1)
    assert hit is not None
    assert hit.fault == "http_stall"
    assert rule_for_request(plan, "speech", b'{"input": "a lamp"}', 2) is None
    assert rule_for_request(plan, "speech", b'{"input": "a vase"}', 1) is None
    assert rule_for_request(plan, "caller", b"a lamp", 1) is None
