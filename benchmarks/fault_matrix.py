"""Every fault x crawl, walk, run: the installed command against a service that commits it, and what became of the case.

    python benchmarks/fault_matrix.py [--only TEXT] [--modes crawl,walk,run] [--workers 3] [--json FILE]

One service has all faults, each for one case of its own; each cell is a run of its own: the case that is hit between
two that are not, each tried once. A cell is right when the case ended with the expected fault, stage and kind, the exit
code is the documented one, nobody else was harmed, nothing of infrastructure was graded, no traceback was printed and
the command came back in time. Prints a line per cell; exits 1 if any is wrong. ``--table`` prints what is expected, as
docs/faults.md shows it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.peers.embedded import shared_services
    from evalkit.service.faults.plan import parse_plan
    from evalkit.settings.types import ServiceSettings

MODES = ("crawl", "walk", "run")
DATA = Path(__file__).parents[1] / "data"
QUESTION = "I'd like to cancel order 72045, please."
SHORT_S, LONG_S = 6, 20
HANG_S = 180


@dataclass(frozen=True)
class Ending:
    """What is expected of the case that is hit: None: it ends well."""

    fault: str = ""
    stage: str = ""
    error_type: str = ""
    exit_code: int = 0
    ungraded: str = ""

    def __str__(self) -> str:
        """Return it as the table shows it."""
        if self.ungraded:
            return f"ends well, {self.ungraded} not graded, exit {self.exit_code}"
        if not self.fault:
            return f"ends well, exit {self.exit_code}"
        return f"{self.fault}: {self.stage}, `{self.error_type}`, exit {self.exit_code}"


def line(stage: str, error_type: str) -> Ending:
    """Return the ending of a case that the line or the server spoilt."""
    return Ending("infrastructure", stage, error_type, 3)


WELL = Ending()
SILENT = Ending("assistant", "response_timeout", "timeout")
GONE = line("response_missing_done", "connection_closed")


@dataclass(frozen=True)
class Row:
    """One fault and how a case ends that it hits, by mode; a mode that it cannot hit is not among them."""

    rule: str
    endings: Mapping[str, Ending]
    options: Sequence[str] = ()

    @property
    def case(self) -> str:
        """The id of the case that it hits."""
        return "hit-" + "".join(letter if letter.isalnum() else "-" for letter in self.rule)

    @property
    def bound_rule(self) -> str:
        """The rule for that case alone."""
        return self.rule if self.rule.startswith("http_") else f"{self.rule}/case:{self.case}"


def everywhere(rule: str, ending: Ending, **others: Ending) -> Row:
    """Return a row that is the same in all modes but for `others`."""
    return Row(rule, {**dict.fromkeys(MODES, ending), **others})


ROWS = (
    everywhere("refuse/status:500", line("connect", "server_error")),
    everywhere("refuse/status:503", line("connect", "server_error")),
    everywhere("rate_limited", line("connect", "rate_limited")),
    everywhere("rate_limited/retry_after:7", line("connect", "rate_limited")),
    everywhere("no_handshake", line("connect", "connect_timeout")),
    everywhere("limits_spent", WELL),
    *(
        everywhere(f"error_event/code:{code}", line("response_error", code))
        for code in ("rate_limit_exceeded", "server_error")
    ),
    everywhere("error_event@session_updated/code:server_error", line("session_update", "server_error")),
    everywhere("close@session_created", line("session_update", "connection_closed")),
    everywhere("close@session_updated", line("session_update", "connection_closed")),
    everywhere("close@committed", GONE),
    everywhere("close@response_created", GONE),
    *(everywhere(f"close@mid_response/code:{code}", GONE) for code in (1000, 1001, 1011, 1013, 4000)),
    everywhere("close@mid_response/code:3000", line("response_missing_done", "session_expired")),
    everywhere("close@response_done", WELL, run=line("stream_audio", "connection_closed")),
    everywhere("reset@session_updated", line("session_update", "connection_closed")),
    everywhere("reset@mid_response", GONE),
    everywhere("stall@session_created", line("session_update", "session_timeout")),
    everywhere("stall@session_updated", line("session_update", "session_timeout")),
    everywhere("stall@committed", SILENT),
    everywhere("stall@response_created", SILENT),
    everywhere("stall@mid_response", SILENT),
    everywhere("half_open@session_updated", line("session_update", "session_timeout")),
    everywhere("half_open@committed", GONE),
    everywhere("half_open@mid_response", GONE),
    everywhere("malformed_json", line("response_error", "invalid_event")),
    everywhere("binary_frame", line("response_error", "invalid_event")),
    everywhere("wrong_ids/field:response_id", line("response_error", "invalid_event")),
    everywhere("wrong_ids/field:item_id", WELL),
    everywhere("wrong_ids/field:call_id", WELL, run=line("stream_audio", "invalid_tool_call_id")),
    everywhere("duplicated_events", WELL),
    everywhere("reordered_events", WELL),
    everywhere("unknown_events", WELL),
    everywhere("broken_audio/how:truncated", line("response_error", "audio_decode")),
    everywhere("broken_audio/how:invalid", line("response_error", "audio_decode")),
    everywhere("big_frame/mib:20", WELL),
    everywhere("big_frame/mib:40", line("response_missing_done", "frame_too_large")),
    everywhere("response_ends/status:failed", line("response_status", "server_error")),
    everywhere("response_ends/status:incomplete", Ending("assistant", "response_status", "response_incomplete")),
    everywhere("response_ends/status:cancelled", Ending("assistant", "response_status", "response_cancelled")),
    everywhere("slow_drip/delay_ms:2", WELL),
    everywhere("slow_drip/delay_ms:1000", SILENT),
    Row("close@mid_response/source:simulator", {"run": line("simulator_turn", "connection_closed")}),
    Row("stall@mid_response/source:simulator", {"run": Ending("simulator", "simulator_turn", "timeout")}),
    Row("half_open@mid_response/source:simulator", {"run": line("simulator_turn", "connection_closed")}),
    Row(
        "response_ends/status:incomplete/source:simulator",
        {"run": Ending("simulator", "simulator_turn", "response_incomplete")},
    ),
)


def _http_rows() -> list[Row]:
    """Return the faults of HTTP routes. A request is told by its text: the case that is hit has a word of its own."""
    rows = []
    for rule, word, kind in (
        ("http_status/status:429/retry_after:7", "limited", "rate_limited"),
        ("http_status/status:500", "failing", "server_error"),
        ("http_garbage", "garbled", "invalid_response"),
        ("http_stall", "mute", "request_timeout"),
    ):
        speech = line("speech", "audio_decode" if kind == "invalid_response" else kind)
        said = line("simulator_turn", kind)
        judged = ("judge.votes=1",)
        rows += [
            Row(f"{rule}/role:speech/match:speech-{word}", {"crawl": speech, "run": speech}),
            Row(f"{rule}/role:transcription", {"crawl": Ending(ungraded="audio_text_mismatch")}),
            Row(f"{rule}/role:judge/match:judge-{word}", {"run": Ending(ungraded="judged")}, judged),
            Row(f"{rule}/role:caller/match:caller-{word}", {"run": said}, ("simulator.kind=text",)),
        ]
    return rows


ALL_ROWS = (*ROWS, *_http_rows())


@dataclass
class Cell:
    """One run: what was seen and everything that is wrong with it."""

    row: Row
    mode: str
    seconds: float = 0.0
    seen: str = ""
    wrong: list[str] = field(default_factory=list)


class Bench:
    """Writes the data of a cell, runs the command, and judges what it left behind.

    Args:
        folder: Where all of it goes.
        env: The environment of the command, with the shared service in it.
        plan: The shared service's plan.

    """

    def __init__(self, folder: Path, env: Mapping[str, str], plan: str) -> None:
        self._folder, self._env, self._plan = folder, dict(env), plan

    def run(self, row: Row, mode: str) -> Cell:
        """Run one cell."""
        cell = Cell(row, mode)
        name = f"{mode}-{row.case}"
        arguments = [*self._data(row, mode, name), *self._options(row, mode), f"output_dir={self._folder / name}"]
        began = time.monotonic()
        try:
            done = subprocess.run(
                [_command(), *arguments],
                cwd=self._folder,
                env=self._env,
                capture_output=True,
                text=True,
                timeout=HANG_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            cell.wrong.append(f"hangs: not back after {HANG_S} s")
            return cell
        cell.seconds = time.monotonic() - began
        self._judge(cell, row.endings[mode], done)
        return cell

    def _options(self, row: Row, mode: str) -> list[str]:
        plan = row.rule if _has_own_service(row) else self._plan
        graders = [] if mode == "run" else ["mode.graders=[tool_call,tool_call_args]"]
        if row.endings.get(mode, WELL).ungraded and mode != "run":
            graders = ["mode.graders=[tool_call,tool_call_args,audio_text_mismatch]"]
        patience_s = SHORT_S if _is_waited_for(row) else LONG_S
        limits = [f"limits.response_timeout_s={patience_s}", "limits.max_attempts=1"]
        return [f"mode={mode}", f"service.faults={plan}", *graders, *limits, *row.options, "report.plots=false"]

    def _data(self, row: Row, mode: str, name: str) -> list[str]:
        """Write three cases, the one that is hit in the middle, and return the override that names them."""
        cases = {"before": "", row.case: row.rule.partition("/match:")[2], "after": ""}
        return [f"mode.data_csv={write_cases(self._folder / 'data' / name, mode, cases)}"]

    def _judge(self, cell: Cell, expected: Ending, done: subprocess.CompletedProcess[str]) -> None:
        wrong = cell.wrong
        if "Traceback" in done.stderr:
            wrong.append("a traceback")
        if done.returncode != expected.exit_code:
            wrong.append(f"exit {done.returncode}, expected {expected.exit_code}: {done.stderr[-300:]!r}")
        if not done.stdout.strip():
            wrong.append("no run directory")
            return
        run = Path(done.stdout.splitlines()[-1])
        if "Traceback" in (run / "evalkit.log").read_text(encoding="utf-8"):
            wrong.append("a traceback in the log")
        records = {path.stem: json.loads(path.read_text()) for path in (run / "records").glob("*.json")}
        grades = [json.loads(text) for text in (run / "grades.jsonl").read_text().splitlines()]
        for name in ("before", "after"):
            self._judge_bystander(cell, name, records.get(name), grades)
        hit = records.get(cell.row.case)
        if hit is None:
            wrong.append("the case that was hit has no record")
            return
        judge_hit(cell, expected, hit, [grade for grade in grades if grade["key"] == cell.row.case])

    def _judge_bystander(self, cell: Cell, name: str, record: Any, grades: Sequence[Any]) -> None:
        if record is None or record["failure"] is not None:
            cell.wrong.append(f"{name!r} was harmed: {record and record['failure']}")
        given = [grade["grade"] for grade in grades if grade["key"] == name and grade["grader_type"] == "tool_call"]
        if not given or any(value not in (None, 1.0) for value in given) or all(value is None for value in given):
            cell.wrong.append(f"{name!r} was graded {given}")


def judge_hit(cell: Cell, expected: Ending, record: Any, grades: Sequence[Any]) -> None:
    """Add to the cell what is wrong with the case that was hit, and with its grades."""
    failure, fault = record["failure"], record["fault"] or ""
    seen = Ending(fault, failure["stage"], failure["error_type"]) if failure else WELL
    cell.seen = f"{seen.fault}: {seen.stage}, {seen.error_type}" if failure else "ends well"
    if (seen.fault, seen.stage, seen.error_type) != (expected.fault, expected.stage, expected.error_type):
        cell.wrong.append(f"{cell.seen} ({failure and failure['message']})")
    if "retry_after:7" in cell.row.rule and failure and failure["retry_after_s"] != 7:
        cell.wrong.append(f"retry_after_s is {failure['retry_after_s']}")
    given = [grade["grade"] for grade in grades if grade["grade"] is not None]
    if fault not in ("", "assistant") and given:
        cell.wrong.append(f"{fault} was graded {given}")
    if fault == "assistant" and not any(value == 0 for value in given):
        cell.wrong.append("the assistant's fault was not graded 0")
    if expected.ungraded:
        spared = [grade for grade in grades if grade["grader_id"] == expected.ungraded]
        if not spared or any(grade["grade"] is not None or not grade["rationale"] for grade in spared):
            cell.wrong.append(f"{expected.ungraded}: {[(grade['grade'], grade['rationale']) for grade in spared]}")


def write_cases(folder: Path, mode: str, cases: Mapping[str, str]) -> Path:
    """Write cases (id -> the word by which an HTTP request of the case is told, or nothing); return their CSV file."""
    folder.mkdir(parents=True)
    path = folder / "cases.csv"
    if mode == "run":
        rows = [["simulation_id", "simulation_path"], *([name, f"{name}.json"] for name in cases)]
        for name, word in cases.items():
            (folder / f"{name}.json").write_text(json.dumps(_simulation(name, word)), encoding="utf-8")
    else:
        header = ["example_id", "user_text", "gt_tool_call", "gt_tool_call_arg", "gt_tool_call_match", "audio_path"]
        expected = ["cancel_order", '{"order_id": "72045"}', '{"order_id": "id"}']
        recording = str(DATA / "walk" / "audio" / "cancel-please.wav")
        rows = [header, *([name, _said(word), *expected, recording] for name, word in cases.items())]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def _said(word: str) -> str:
    return f"{QUESTION} {word}" if word.startswith("speech-") else QUESTION


def _is_waited_for(row: Row) -> bool:
    """Whether a fault shows in that something does not come, so that the run had better not wait for long."""
    return row.rule.startswith(("stall", "half_open", "slow_drip/delay_ms:1000", "http_stall"))


def _has_own_service(row: Row) -> bool:
    """Whether the rule hits whatever it can, so that no other cell may use its service."""
    return "role:transcription" in row.rule


def _simulation(name: str, word: str) -> dict[str, Any]:
    persona = "\n".join(
        [
            "# Facts",
            "Name: Dana Reyes",
            "Order number: 72045",
            *([f"Remark: {word}"] if word.startswith("caller-") else []),
            "",
            "# Goal",
            "- Cancel the order.",
            "",
            "# Style",
            "Calm.",
            "",
            "# Rules",
            "- Speak only as the caller.",
            "- When your goal is settled, say END_CALL and nothing else.",
        ]
    )
    judged = [{"id": "judged", "type": "llm_as_judge", "criteria": "The order is cancelled."}]
    return {
        "simulation_id": name,
        "scenario": f"A customer cancels an order. {word}".strip(),
        "assistant": {
            "system_prompt_file": str(DATA / "prompts" / "support.txt"),
            "tools_file": str(DATA / "tools" / "support.json"),
        },
        "simulator": {"system_prompt": persona},
        "turns": {"fixed_first_user_turn": _said(word), "max_turns": 3},
        "tool_mocks": [{"name": "cancel_order", "output": {"order_id": "72045", "status": "cancelled"}}],
        "expected_tool_call": {"name": "cancel_order", "arguments": {"order_id": "72045"}, "match": {"order_id": "id"}},
        "graders": {
            "turn_level": [{"id": "tool_call", "type": "tool_call"}],
            "trace_level": judged if word.startswith("judge-") else [],
        },
    }


def _command() -> str:
    script = shutil.which("evalkit", path=str(Path(sys.executable).parent)) or shutil.which("evalkit")
    if script is None:
        sys.exit("evalkit is not installed in this environment: pip install '.[local]'")
    return script


def measure(rows: Sequence[Row], modes: Sequence[str], workers: int) -> list[Cell]:
    """Run every cell and return them in the order of the rows."""
    plan = parse_plan("+".join(row.bound_rule for row in ALL_ROWS if not _has_own_service(row))).line
    with tempfile.TemporaryDirectory(prefix="fault-matrix-") as name, shared_services([_service(plan)]):
        folder = Path(name)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "AZURE_"))}
        bench = Bench(folder, {**env, "EVALKIT_CACHE": str(folder / "cache")}, plan)
        for mode in modes:  # what is heard and said is known afterwards, so that no cell waits for an engine
            warm = bench.run(everywhere(f"untouched-{mode}", WELL), mode)
            if warm.wrong:
                sys.exit(f"{mode} without any fault: {'; '.join(warm.wrong)}")
        wanted = [(row, mode) for row in rows for mode in modes if mode in row.endings]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda pair: bench.run(*pair), wanted))


def _service(plan: str) -> ServiceSettings:
    return ServiceSettings("rules", plan, 0.0, speech="hibari", transcription="whisper")


def table(rows: Sequence[Row]) -> str:
    """Return what is expected, as docs/faults.md shows it: a line per fault, a column per mode."""
    lines = ["| fault | crawl | walk | run |", "|---|---|---|---|"]
    for row in rows:
        endings = [str(row.endings[mode]) if mode in row.endings else "-" for mode in MODES]
        lines.append(f"| `{row.rule.partition('/match:')[0]}` | " + " | ".join(_condense(endings)) + " |")
    return "\n".join(lines)


def _condense(endings: list[str]) -> list[str]:
    """Return the endings with those that say the same as the one to their left shortened."""
    return [
        "the same" if index and ending == endings[index - 1] != "-" else ending for index, ending in enumerate(endings)
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen cells, print what was found, and return 1 if any is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose fault contains this")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--workers", type=int, default=3, help="runs at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every cell there")
    parser.add_argument("--table", action="store_true", help="print the expected table and run nothing")
    options = parser.parse_args(argv)
    rows = [row for row in ALL_ROWS if options.only in row.rule]
    if options.table:
        print(table(rows))
        return 0
    began = time.monotonic()
    cells = measure(rows, options.modes.split(","), options.workers)
    for cell in cells:
        verdict = "; ".join(cell.wrong) or f"right: {cell.seen}"
        print(
            f"{'WRONG' if cell.wrong else 'ok':5}  {cell.mode:5}  {cell.row.rule:60}  {cell.seconds:5.1f} s  {verdict}"
        )
    if options.json:
        document = [
            {"fault": cell.row.rule, "mode": cell.mode, "seen": cell.seen, "seconds": cell.seconds, "wrong": cell.wrong}
            for cell in cells
        ]
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    bad = sum(bool(cell.wrong) for cell in cells)
    print(f"\n{len(cells)} cells in {time.monotonic() - began:.0f} s, {bad} wrong")
    return int(bad > 0)


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
