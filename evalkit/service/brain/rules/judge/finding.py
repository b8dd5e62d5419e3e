"""What a rule finds out: yes, no or nothing, the lines that show it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.service.brain.rules.judge.question import CallLine


@dataclass(frozen=True)
class ClauseFinding:
    """Whether a criterion is met; None where the evidence does not decide it by the rules that there are."""

    met: bool | None
    reason: str
    lines: tuple[CallLine, ...] = ()

    def inverted(self) -> ClauseFinding:
        """Return the finding for the opposite criterion."""
        return ClauseFinding(None if self.met is None else not self.met, self.reason, self.lines)


def met(reason: str, *lines: CallLine | None) -> ClauseFinding:
    """Return that a criterion is met."""
    return ClauseFinding(met=True, reason=reason, lines=_present(lines))


def unmet(reason: str, *lines: CallLine | None) -> ClauseFinding:
    """Return that a criterion is not met."""
    return ClauseFinding(met=False, reason=reason, lines=_present(lines))


def undecided(reason: str, *lines: CallLine | None) -> ClauseFinding:
    """Return that the evidence does not decide."""
    return ClauseFinding(met=None, reason=reason, lines=_present(lines))


def either(is_met: bool | None, reason: str, *lines: CallLine | None) -> ClauseFinding:
    """Return a finding with the lines that there are."""
    return ClauseFinding(is_met, reason, _present(lines))


def all_of(findings: Sequence[ClauseFinding]) -> ClauseFinding:
    """Return what several findings say of a criterion that asks for all of them."""
    reason = "; ".join(finding.reason for finding in findings)
    lines = tuple(dict.fromkeys(line for finding in findings for line in finding.lines))
    if any(finding.met is False for finding in findings):
        failed = [finding for finding in findings if finding.met is False]
        return unmet("; ".join(finding.reason for finding in failed), *failed[0].lines)
    if any(finding.met is None for finding in findings):
        return undecided(reason, *lines)
    return met(reason, *lines)


def _present(lines: Sequence[CallLine | None]) -> tuple[CallLine, ...]:
    return tuple(line for line in lines if line is not None)
