"""What a run's page shows of its sessions: whose fault, what each took, and each with its screen, diff and checks.

All of it comes from records, grades and recordings, whatever is installed. The section is bounded: sessions in which
something went wrong come first and have more of it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from evalkit.errors import ConfigError, DataError
from evalkit.modes.terminal.film import Film, cut_film, shots_of_screens, take_shots
from evalkit.modes.terminal.session_files import AGENT_MARK, USER_MARK
from evalkit.pty.recording import MARKER, StoredRecording, parse_recording
from evalkit.records.grade import Grade
from evalkit.records.layout import SectionSource
from evalkit.records.record import CaseRecord, Turn, Usage
from evalkit.reports.page.diff_view import lay_side_by_side
from evalkit.reports.page.hidden_signs import show_hidden

APPROVAL = "approval"
DISAGREE_MS = 500.0
"""Signs that it is the user's turn whose moments lie farther apart than this do not agree."""

_RECORDING = "recording.cast"
_NO_ARGUMENTS = ("", "null", "{}")
_SENTENCE_END = re.compile(r"(?<!\d)[.!?](?= [A-Z])")


@dataclass(frozen=True)
class SectionLimits:
    """How much of a run's sessions its page holds.

    Attributes:
        sessions: How many are shown one by one; all are in the tables.
        films: How many of them have their screen played.
        frames: Of a session in which something went wrong.
        good_frames: Of one in which all is well.
        film_bytes: Of one session, as JSON.
        all_films_bytes: Of all of them.
        text_chars: Of what was said in one turn.
        recording_bytes: Longer recordings are not read.

    """

    sessions: int = 300
    films: int = 150
    frames: int = 300
    good_frames: int = 80
    film_bytes: int = 400_000
    all_films_bytes: int = 6_000_000
    text_chars: int = 3_000
    recording_bytes: int = 64_000_000


LIMITS = SectionLimits()


def show_sessions(source: SectionSource, limits: SectionLimits = LIMITS) -> Mapping[str, object]:
    """Return what the page shows of all sessions."""
    seen = [_SeenSession(record, source) for record in source.records]
    shown = sorted(seen, key=lambda session: session.went_well)[: limits.sessions]
    projector = _Projector(limits)
    films = {id(session): projector.film(session) for session in shown}
    in_order = [session for session in seen if id(session) in films]
    return {
        "alone": False,
        "blame": count_blame(source),
        "sessions": [session.line() for session in seen],
        "shown": [session.detail(films[id(session)], limits) for session in in_order],
        "left_out": len(seen) - len(shown),
        "disagree_ms": DISAGREE_MS,
    }


def show_session(source: SectionSource, limits: SectionLimits = LIMITS) -> Mapping[str, object]:
    """Return what the page of one case-trial shows of its session; its recording is played beside that."""
    seen = [_SeenSession(record, source) for record in source.records]
    for session in seen:
        session.read(limits.recording_bytes)
    return {
        "alone": True,
        "blame": [],
        "sessions": [session.line() for session in seen],
        "shown": [session.detail((None, ""), limits) for session in seen],
        "left_out": 0,
        "disagree_ms": DISAGREE_MS,
    }


def count_blame(source: SectionSource) -> list[dict[str, Any]]:
    """Return how sessions ended that did not pass, the commonest way first: whose fault, where, why, and which."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for record in source.records:
        if record.failure is not None:
            way = str(record.fault or ""), f"{record.failure.stage}: {record.failure.error_type}"
            found[way].append((record.key, record.failure.message))
        elif source.passed.get(record.key) is False:
            missed = [
                grade for grade in source.grades.get(record.key, ()) if grade.grade is not None and grade.grade < 1
            ]
            way = "", f"checks: {', '.join(sorted({grade.grader_type for grade in missed}))}"
            found[way].append((record.key, missed[0].rationale if missed else ""))
    rows = [
        {
            "fault": fault,
            "stage": stage,
            "count": len(cases),
            "evidence": show_hidden(first_sentence(cases[0][1])),
            "keys": [key for key, _ in cases[:5]],
            "more": max(0, len(cases) - 5),
        }
        for (fault, stage), cases in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["count"], not row["fault"], row["fault"], row["stage"]))


def first_sentence(text: str, most_chars: int = 240) -> str:
    """Return the first sentence of `text` on one line, cut where it is long."""
    line = " ".join(text.split())
    found = _SENTENCE_END.search(line)
    sentence = line[: found.end()] if found else line
    return sentence if len(sentence) <= most_chars else f"{sentence[: most_chars - 1]}…"


def find_disagreement(signals: Mapping[str, float], decisive: str, usual: Sequence[str]) -> str:
    """Return in words where the signs of a turn's end did not agree; empty where they did.

    Args:
        signals: Sign -> milliseconds since the user's action from which on it held.
        decisive: The one that was believed.
        usual: Those that held at most ends of turns of this session.

    """
    told = []
    at_ms = signals.get(decisive)
    for sign, other_ms in sorted(signals.items(), key=lambda pair: pair[1]):
        if at_ms is not None and abs(other_ms - at_ms) > DISAGREE_MS:
            when = "before" if other_ms < at_ms else "after"
            told.append(f"{sign} {abs(other_ms - at_ms):,.0f} ms {when} {decisive}")
    told += [f"no {sign}" for sign in usual if sign not in signals]
    return ", ".join(told)


@dataclass
class _SeenSession:
    """One record, and what a page wants to know of it."""

    record: CaseRecord
    source: SectionSource
    user_wait_ms: float | None = None

    @property
    def went_well(self) -> bool:
        return self.record.failure is None and self.source.passed.get(self.record.key) is not False

    @property
    def observed(self) -> Mapping[str, Any]:
        found: Any = self.record.notes.get("session")
        return found if isinstance(found, Mapping) else {}

    @property
    def entries(self) -> Sequence[Mapping[str, Any]]:
        found: Any = self.observed.get("turns")
        return found if isinstance(found, list | tuple) else ()

    @property
    def pairs(self) -> list[tuple[Turn, Mapping[str, Any]]]:
        return list(zip(self.record.turns, self.entries, strict=False))

    def read(self, most_bytes: int) -> tuple[StoredRecording | None, str]:
        """Return the recording, if there is one, else why it cannot be read; it is not kept, for it may be long."""
        stored = self.record.artifacts.get("recording_path")
        if stored is None:
            return None, ""
        content = self.source.read(stored, most_bytes)
        if content is None:
            return None, "its recording is not there any more, or is too long to be read"
        try:
            recording = parse_recording(content, stored)
        except DataError as error:
            return None, str(error)
        self.user_wait_ms = measure_answers(recording)
        return recording, ""

    def line(self) -> dict[str, Any]:
        """Return the session's row of the table."""
        record = self.record
        usage = Usage()
        for turn in record.turns:
            usage += turn.usage
        answers = [
            turn for turn, before in zip(record.turns[1:], self.entries, strict=False) if before["stop"] == APPROVAL
        ]
        return {
            **self._identity(),
            "turns": len(record.turns),
            "approvals": sum(entry["stop"] == APPROVAL for entry in self.entries),
            "model_calls": self.observed.get("model_calls"),
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost": _cost(record.cost_usd),
            "first_output_ms": next(
                (
                    turn.latencies["latency_first_output_ms"]
                    for turn in record.turns
                    if "latency_first_output_ms" in turn.latencies
                ),
                None,
            ),
            "agent_wait_ms": _sum_done(answers),
            "user_wait_ms": self.user_wait_ms,
            "changed": len(self._changed()),
            "signals": _counted(str(entry["signal"]) for entry in self.entries),
            "disagreements": [
                f"turn {turn.turn_index}: {told}"
                for (turn, _), told in zip(self.pairs, self._disagreements(), strict=True)
                if told
            ],
        }

    def detail(self, film: tuple[Film | None, str], limits: SectionLimits) -> dict[str, Any]:
        """Return everything that stands side by side."""
        reel, note = film
        workspace = self.observed.get("workspace") or {}
        failure = self.record.failure
        return {
            **self._identity(),
            "category": show_hidden(str(self.record.case.inputs.get("category", ""))),
            "transport": str(self.observed.get("transport", "")),
            "failure": show_hidden(f"{failure.stage}: {failure.message}") if failure else "",
            "film": reel.document if reel else None,
            "note": note,
            "last_screen": show_hidden(str(self.entries[-1]["screen"])) if self.entries else "",
            "turns": list(self._turns(limits)),
            "diff": lay_side_by_side(str(workspace.get("diff") or "")),
            "changed": [show_hidden(path) for path in self._changed()],
            "checks": [_check(grade) for grade in self.source.grades.get(self.record.key, ())],
            "files": self._files(),
        }

    def _identity(self) -> dict[str, Any]:
        record, passed = self.record, self.source.passed.get(self.record.key)
        if record.fault:
            ending = f"fault: {record.fault}" if record.scored else f"lost: {record.fault}"
        else:
            ending = "undecided" if passed is None else "passed" if passed else "not passed"
        return {"key": record.key, "title": show_hidden(str(record.case.inputs.get("title", ""))), "ending": ending}

    def _changed(self) -> list[str]:
        workspace = self.observed.get("workspace") or {}
        return [str(path) for path in workspace.get("changed") or ()]

    def _disagreements(self) -> list[str]:
        seen = Counter(sign for entry in self.entries for sign in entry.get("signals") or {})
        usual = [sign for sign, count in seen.items() if 2 * count > len(self.entries) > 2]
        return [
            find_disagreement(entry.get("signals") or {}, str(entry["signal"]), usual if _is_turn_end(entry) else ())
            for _, entry in self.pairs
        ]

    def _turns(self, limits: SectionLimits) -> Iterator[dict[str, Any]]:
        most = limits.text_chars if not self.went_well else limits.text_chars // 4
        for (turn, entry), disagreement in zip(self.pairs, self._disagreements(), strict=True):
            yield {
                "number": turn.turn_index,
                "who": str(entry["reactor_id"]),
                "action": str(entry["action"]),
                "said": _shown(str(entry["payload"]), most),
                "answered": _shown(turn.assistant_text, most),
                "calls": [
                    _shown(
                        call.name if call.raw_arguments in _NO_ARGUMENTS else f"{call.name} {call.raw_arguments}", 300
                    )
                    for call in turn.tool_calls
                ],
                "stop": str(entry["stop"]),
                "signal": str(entry["signal"]),
                "disagreement": disagreement,
                "done_ms": turn.latencies.get("latency_turn_done_ms"),
                "changed": [show_hidden(str(path)) for path in entry.get("changed") or ()],
                "late": [show_hidden(str(path)) for path in entry.get("late") or ()],
            }

    def _files(self) -> list[dict[str, str]]:
        stored = [path for path in self.record.artifacts.values() if isinstance(path, str)]
        return [{"name": path.rpartition("/")[2], "href": quote(path)} for path in stored]


class _Projector:
    """Makes films until the page is full."""

    def __init__(self, limits: SectionLimits) -> None:
        self._limits = limits
        self._films_left = limits.films
        self._bytes_left = limits.all_films_bytes

    def film(self, session: _SeenSession) -> tuple[Film | None, str]:
        """Return what is played of a session, and what a reader must know of that."""
        limits = self._limits
        recording, problem = session.read(limits.recording_bytes)
        if recording is None:
            return None, problem
        if self._films_left <= 0 or self._bytes_left <= 0:
            return None, f"this page is full: asciinema play {_RECORDING} shows the session"
        most = limits.good_frames if session.went_well else limits.frames
        note = ""
        try:
            shots = take_shots(recording, most)
        except ConfigError:
            shots = shots_of_screens(_stops(session), recording.columns, recording.rows)
            note = (
                "pyghostty is not installed where this page was made: it shows the text of each stop, without colours"
            )
        except (ValueError, OverflowError) as error:
            return None, f"its recording cannot be played: {error}"
        self._films_left -= 1
        film = cut_film(shots, most, min(limits.film_bytes, self._bytes_left))
        if film is None:
            return None, f"it is too long for this page: asciinema play {_RECORDING} shows the session"
        self._bytes_left -= film.size_bytes
        left_out = f"{film.left_out} frames between these were left out" if film.left_out else ""
        return film, "; ".join(filter(None, (note, left_out)))


def measure_answers(recording: StoredRecording) -> float | None:
    """Return for how many milliseconds the agent waited for answers to its questions; None: it never asked."""
    asked_s: float | None = None
    waits_s: list[float] = []
    for event in recording.events:
        if event.kind != MARKER:
            continue
        if event.data.startswith(f"{AGENT_MARK}{APPROVAL}"):
            asked_s = event.at_s
        elif event.data.startswith(USER_MARK) and asked_s is not None:
            waits_s.append(event.at_s - asked_s)
            asked_s = None
    return sum(waits_s) * 1000 if waits_s else None


def _stops(session: _SeenSession) -> list[tuple[float, str, str]]:
    """Return when each turn ended, what the screen showed, and who did what."""
    found, at_s = [], 0.0
    for turn, entry in session.pairs:
        at_s += turn.latencies.get("latency_turn_done_ms", 0.0) / 1000
        found.append((at_s, str(entry["screen"]), f"{AGENT_MARK}{entry['stop']} ({entry['signal']})"))
    return found


def _is_turn_end(entry: Mapping[str, Any]) -> bool:
    return entry["stop"] in ("ready", APPROVAL) and entry["action"] not in ("press", "resize", "wait")


def _check(grade: Grade) -> dict[str, Any]:
    kind = "ungraded" if grade.grade is None else "passed" if grade.grade >= 1 else "failed"
    return {
        "kind": kind,
        "id": grade.grader_id,
        "type": grade.grader_type,
        "grade": grade.grade,
        "why": show_hidden(grade.rationale),
        "turn": grade.turn_index,
    }


def _sum_done(turns: Sequence[Turn]) -> float | None:
    known = [turn.latencies["latency_turn_done_ms"] for turn in turns if "latency_turn_done_ms" in turn.latencies]
    return sum(known) if known else None


def _cost(cost_usd: Mapping[str, float | None]) -> str:
    """Return dollars in words; nothing where nothing was metered."""
    if not cost_usd:
        return ""
    known = [usd for usd in cost_usd.values() if usd is not None]
    return "unknown" if len(known) < len(cost_usd) else f"${sum(known):.4f}"


def _counted(signs: Iterator[str]) -> str:
    counts = Counter(signs)
    return ", ".join(f"{sign} {count}" if count > 1 else sign for sign, count in counts.most_common())


def _shown(text: str, most_chars: int) -> str:
    cut = text if len(text) <= most_chars else f"{text[:most_chars]}… ({len(text) - most_chars:,} characters more)"
    return show_hidden(cut)
