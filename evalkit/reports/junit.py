"""``junit.xml``: a run as CI systems show tests, one test case per case-trial, and one per gate.

================================= ==============================================================================
a case-trial that                 is
================================= ==============================================================================
has grades, none of them 0        passed
has a grade of 0                  ``<failure>``: which graders, each with its rationale
does not count                    ``<error>`` with the fault as its type, and the evidence
has no grade at all               ``<skipped>``
================================= ==============================================================================

A number between 0 and 1 (``wer``) is a measure, not a verdict, and fails nothing. The elements and their order are
those that the common readers (Jenkins, GitLab, GitHub actions) agree on. Text comes from models: what XML cannot hold
is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from evalkit.records.columns import has_row_per_turn
from evalkit.records.record import CaseRecord
from evalkit.reports.rows import ResultTable, Row
from evalkit.reports.trials import failed_graders

# XML 1.0 has no way to write these, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_TIME = "1970-01-01T00:00:00"


def junit_xml(summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]) -> bytes:
    """Return the document; `summary` with its ``gates``."""
    started_at = min((record.started_at for record in records if record.started_at), default=_NO_TIME)[:19]
    rows: dict[str, list[Row]] = {}
    for row in table.rows:
        rows.setdefault(row.key, []).append(row)
    cases = [_case_trial(table, record, rows.get(record.key, [])) for record in records]
    gates = [_gate(verdict) for verdict in summary["gates"]]
    root = ET.Element("testsuites")
    name = str(summary["run_name"])
    root.append(_suite(0, name, started_at, cases))
    if gates:
        root.append(_suite(1, f"{name}: gates", started_at, gates))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(number: int, name: str, started_at: str, cases: Sequence[ET.Element]) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        {
            "id": str(number),
            "package": "evalkit",
            "name": _text(name),
            "timestamp": started_at,
            "hostname": "localhost",
            "tests": str(len(cases)),
            **{f"{kind}s": str(sum(case.find(kind) is not None for case in cases)) for kind in ("failure", "error")},
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
            "time": f"{sum(float(case.get('time', 0)) for case in cases):.3f}",
        },
    )
    ET.SubElement(suite, "properties")
    suite.extend(cases)
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    return suite


def _case_trial(table: ResultTable, record: CaseRecord, rows: Sequence[Row]) -> ET.Element:
    case = _test(record.key, f"evalkit.{table.mode}", record.duration_ms / 1000)
    if not record.scored:
        why = f"{record.failure.stage}: {record.failure.error_type}: {record.failure.message}" if record.failure else ""
        _outcome(case, "error", str(record.fault), f"lost, fault {record.fault}", why)
        return case
    failed = [line for row in rows for line in _failures(table, row)]
    graded = any(row.cells.get(f"{grader}_grade") is not None for row in rows for grader in table.grader_ids)
    if failed:
        graders = ", ".join(dict.fromkeys(grader for grader, _ in failed))
        _outcome(case, "failure", "grade", f"failed: {graders}", "\n".join(text for _, text in failed))
    elif not graded:
        ET.SubElement(case, "skipped", {"message": "not graded"})
    return case


def _failures(table: ResultTable, row: Row) -> list[tuple[str, str]]:
    """Return grader and words for each grade of 0 in a row."""
    turn = f"turn {row.cells['turn_index']}: " if has_row_per_turn(table.mode) and row.cells["turn_index"] else ""
    return [
        (grader, f"{turn}{grader}: {row.cells.get(f'{grader}_rationale') or ''}")
        for grader in failed_graders(table, row)
    ]


def _gate(verdict: Mapping[str, Any]) -> ET.Element:
    case = _test(str(verdict["gate"]), "evalkit.gates", 0.0)
    if not verdict["passed"]:
        _outcome(case, "failure", "gate", str(verdict["reason"]), str(verdict["reason"]))
    return case


def _test(name: str, group: str, seconds: float) -> ET.Element:
    return ET.Element("testcase", {"name": _text(name), "classname": group, "time": f"{seconds:.3f}"})


def _outcome(case: ET.Element, kind: str, what: str, message: str, text: str) -> None:
    ET.SubElement(case, kind, {"type": what, "message": _text(message)}).text = _text(text)


def _text(value: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
