"""Whom a rule hits, as pure functions: the same case and attempt are hit in every run, whatever runs beside them.

A client on the same machine may introduce a session with one header::

    evalkit-session: assistant/2/1817403/order_0071      source / attempt / seed of the case-trial / case-trial

With it, a decision depends on seed, case-trial, source and attempt alone. Without it (other clients), the service's
count of sessions stands for both: the n-th session is case ``#n`` in its n-th attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import unquote

from evalkit.service.faults.catalogue import Where
from evalkit.service.faults.plan import FaultPlan, FaultRule

HEADER = "evalkit-session"


@dataclass(frozen=True)
class SessionIdentity:
    """Whose realtime session it is."""

    source: str
    attempt: int
    seed: int
    case: str


def read_introduction(header: str | None) -> SessionIdentity | None:
    """Return what the header says; None when there is none, or none we understand."""
    parts = (header or "").split("/")
    if len(parts) != 4 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return SessionIdentity(parts[0], int(parts[1]), int(parts[2]), unquote(parts[3]))


def stranger(number: int) -> SessionIdentity:
    """Return what stands for a session that did not introduce itself, the `number`-th of the service from 1."""
    return SessionIdentity("assistant", number, 0, f"#{number}")


def rules_for_session(plan: FaultPlan, where: Where, session: SessionIdentity) -> list[FaultRule]:
    """Return the rules that hit a session there, in the plan's order."""
    return [rule for number, rule in plan.at(where) if _hits_session(rule, number, session)]


def rule_for_request(plan: FaultPlan, role: str, body: bytes, attempt: int) -> FaultRule | None:
    """Return the first rule that hits an HTTP request of `role` with that body, asked for the `attempt`-th time."""
    for number, rule in plan.at(Where.HTTP):
        text = rule.get("match")
        if (
            rule.get("role") == role
            and (text is None or text.encode() in body)
            and _within(rule, attempt)
            and _drawn(rule, f"{number}:{sha256(body).hexdigest()}")
        ):
            return rule
    return None


def _hits_session(rule: FaultRule, number: int, session: SessionIdentity) -> bool:
    return (
        rule.get("case") in (None, session.case)
        and rule.get("source") in ("any", session.source)
        and _within(rule, session.attempt)
        and _drawn(rule, f"{number}:{session.seed}:{session.source}:{session.case}")
    )


def _within(rule: FaultRule, attempt: int) -> bool:
    times = rule.get("times")
    return times is None or attempt <= times


def _drawn(rule: FaultRule, identity: str) -> bool:
    drawn = int.from_bytes(sha256(identity.encode()).digest()[:8], "big") / 2**64
    return bool(drawn < rule.get("share"))
