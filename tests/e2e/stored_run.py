"""Run directories as a run leaves them, made of whole cloth: for tests of what reads one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.audio.wav import write_pcm16, write_stereo
from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Stage, decide_fault
from evalkit.records.grade import Grade
from evalkit.records.record import Attempt, CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words
from evalkit.store.run_directory import RunDirectory, RunStatus

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)> \u2028 & "quoted"'
REFUSED = Failure(Stage.CONNECT, "connection_refused", f"nobody listens {HOSTILE}")
_RATE_HZ = 8000


@dataclass(frozen=True)
class StoredCase:
    """One case-trial to store: `grade` None and no failure is ungraded; `call_s`: how long its recording plays."""

    case_id: str
    grade: float | None = 1.0
    said: str = "Where is my order, please?"
    failure: Failure | None = None
    turns: int = 1
    trial: int = 1
    extra: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    call_s: float | None = None

    @property
    def key(self) -> str:
        """The name of its files."""
        return self.case_id if self.trial == 1 else f"{self.case_id}.t{self.trial}"


SAMPLE = (
    StoredCase("good"),
    StoredCase("bad", grade=0.0, said="Cancel order 31845."),
    StoredCase("lost", grade=None, failure=REFUSED),
    StoredCase("silent", grade=None, failure=Failure(Stage.RESPONSE_TIMEOUT, "timeout", "no answer in 60 s")),
    StoredCase("hostile", grade=0.0, said=HOSTILE),
    StoredCase("ungraded", grade=None),
)


@dataclass(frozen=True)
class StoredRun:
    """A run to store."""

    root: Path
    cases: Sequence[StoredCase] = SAMPLE
    mode: str = "crawl"
    changes: dict[str, Any] = field(default_factory=dict)
    ended: bool = True
    sound: bool = True

    def write(self) -> RunDirectory:
        """Write everything that a run writes before its reports."""
        run = RunDirectory(self.root)
        self.root.mkdir(parents=True, exist_ok=True)
        run.write_config(self.config)
        run.provenance_path.write_text(json.dumps(self._provenance()), encoding="utf-8")
        run.write_status(RunStatus.COMPLETED if self.ended else RunStatus.RUNNING, exit_code=0, counts={})
        for case in self.cases:
            self._write_case(run, case)
        return run

    @property
    def config(self) -> dict[str, Any]:
        """A resolved run config, as far as reports read it."""
        return {
            "mode": {"name": self.mode, "data_csv": "cases.csv"},
            "assistant": {"model": "model-a", "voice": "v", "system_prompt_file": "p.txt", "tools_file": "t.json"},
            "simulator": {"model": "caller-a"},
            "speech": {"model": "tts-a"},
            "audio": {"input_format": "pcm16", "output_format": "pcm16", "sample_rate_hz": _RATE_HZ},
            "gate": {"min_grade": None},
            "report": {"plots": False, "html": True, "audio": "linked"},
            "chunk_ms": 20,
            "real_time": False,
            "trials": 1,
            "seed": 0,
            "run_name": None,
            **self.changes,
        }

    def _provenance(self) -> dict[str, Any]:
        planned = [case.key for case in self.cases] + ([] if self.ended else ["not-yet"])
        return {
            "config_sha256": f"sha-{json.dumps(self.changes, sort_keys=True)}",
            "evalkit_version": "0.0",
            "git": {"commit": "abc", "dirty": False},
            "argv": ["evalkit", "run_name=<b>bold</b>"],
            "python": "3.12",
            "platform": "test",
            "packages": {"some-package": "1.0"},
            "datasets": [{"path": "cases.csv", "sha256": "feed", "bytes": 1}],
            "case_trials": planned,
            "models_asked": {"assistant": "model-a"},
            "models_served": ["model-a"],
            "started_at": "2026-01-01T10:00:00.000+00:00",
            "ended_at": "2026-01-01T10:01:00.000+00:00" if self.ended else None,
        }

    def _write_case(self, run: RunDirectory, case: StoredCase) -> None:
        turns = () if case.failure else tuple(self._turn(run, case, index) for index in range(1, case.turns + 1))
        if turns:
            _write_events(run, case)
        artifacts = {"event_log_path": f"events/{case.key}.jsonl"} if turns else {}
        if case.call_s is not None:
            path = run.audio_dir(case.key) / "conversation.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            silence = np.zeros(round(case.call_s * _RATE_HZ), dtype=np.int16)
            write_stereo(path, silence, silence, _RATE_HZ)
            artifacts["conversation_audio_path"] = run.relative(path)
        record_sha256 = run.store_record(self._record(case, turns, artifacts))
        if case.failure:
            return
        for grader_id, grade in (
            ("tool_call", 1.0 if case.grade is not None else None),
            ("tool_call_args", case.grade),
        ):
            run.append_grades(
                [
                    Grade(
                        key=case.key,
                        turn_index=len(turns),
                        grader_id=grader_id,
                        grader_type=grader_id,
                        grader_version="1",
                        grade=grade,
                        rationale=f"because {case.said}",
                        record_sha256=record_sha256,
                        graded_at="2026-01-01T10:00:30.000+00:00",
                        evidence=(case.said,),
                    )
                ]
            )

    def _record(self, case: StoredCase, turns: tuple[Turn, ...], artifacts: dict[str, str]) -> CaseRecord:
        return CaseRecord(
            case=Case(
                case.case_id,
                self.mode,
                {"user_text": case.said},
                (ExpectedCall("get_order", {"id": "7"}),),
                extra=case.extra,
            ),
            trial=case.trial,
            seed=0,
            reuse_key="key",
            settings={"chunk_ms": 20, "real_time": False},
            turns=turns,
            failure=case.failure,
            attempts=(Attempt(1, 900.0, case.failure),),
            cost_usd={"assistant": 0.01},
            served_model="model-a",
            started_at="2026-01-01T10:00:00.000+00:00",
            duration_ms=900.0,
            artifacts=artifacts,
            fault=decide_fault(case.failure) if case.failure else None,
            notes=case.notes,
        )

    def _turn(self, run: RunDirectory, case: StoredCase, index: int) -> Turn:
        sounds = {}
        for side in ("input", "output") if self.sound else ():
            path = run.audio_dir(case.key) / f"turn_{index:02d}_{side}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_pcm16(path, np.zeros(_RATE_HZ, dtype=np.int16), _RATE_HZ)
            sounds[f"{side}_audio_path"] = run.relative(path)
        return Turn(
            turn_index=index,
            user_text=case.said,
            steps=(
                Words("One moment."),
                ToolCall("get_order", {"id": case.said}, json.dumps({"id": case.said}), f"call_{index}"),
                ToolOutput(f"call_{index}", "get_order", {"id": "7"}, {"said": case.said}),
                Words(f"Answer to: {case.said}"),
            ),
            latencies={"latency_first_audio_ms": 400.0, "latency_response_done_ms": 500.0},
            measures={"input_audio_ms": 1000.0, "output_audio_ms": 1000.0},
            artifacts=sounds,
            usage=Usage(input_tokens=50, output_tokens=20),
        )


def event(kind: str, at_ms: float, turn_index: int = 1, source: str = "assistant", **payload: Any) -> bytes:
    """Return one line of an event log."""
    sent = kind in ("session.update", "response.create", "conversation.item.create") or kind.startswith("input_audio")
    line = {
        "type": kind,
        "source": source,
        "direction": "sent" if sent else "received",
        "turn_index": turn_index,
        "event_index": 1,
        "event_time_ms": at_ms,
        "event": {"type": kind, **payload},
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _write_events(run: RunDirectory, case: StoredCase) -> None:
    path = run.events_path(case.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = {"bytes": 160, "sha256": "f", "wav": None, "offset": 0}
    lines = [event("session.update", 0.0, 0, session={"model": case.said})]
    for index in range(1, case.turns + 1):
        begin = index * 1000.0
        lines += [event("input_audio_buffer.append", begin + n, index, audio=sound) for n in range(50)]
        lines += [
            event("response.create", begin + 60, index),
            event("response.output_audio.delta", begin + 460, index, response_id="r", delta=sound),
            event(
                "response.function_call_arguments.done", begin + 470, index,
                call_id=f"call_{index}", name="get_order", arguments=case.said,
            ),
            event("response.done", begin + 560, index, response={"status": "completed"}),
        ]  # fmt: skip
    path.write_bytes(b"".join(lines))
