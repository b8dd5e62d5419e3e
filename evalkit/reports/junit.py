"""``junit.xml``: a run as CI systems show tests, one test case per case-trial, and one per gate.

================================= ==============================================================================
a case-trial that                 is
================================= ==============================================================================
passed                            passed
did not pass                      ``<failure>``: which required graders, each with its rationale
does not count                    ``<error>`` with the fault as its type, and the evidence
is not decided                    ``<skipped>``, with the reason
================================= ==============================================================================

Passing is what :mod:`evalkit.records.passing` says. The elements and their order are those that the common readers
(Jenkins, GitLab, GitHub actions) agree on. Text comes from models: what XML cannot hold is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from evalkit.records.record import CaseRecord
from evalkit.reports.outcomes import Shortfall, describe_undecided, find_shortfalls
from evalkit.reports.rows import ResultTable, Row

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
    case = _test(record.key, f"evalkit.{table.layout.mode}", record.duration_ms / 1000)
    why = f"{record.failure.stage}: {record.failure.error_type}: {record.failure.message}" if record.failure else ""
    passed = table.passed[record.key]
    if not record.scored:
        _outcome(case, "error", str(record.fault), f"lost, fault {record.fault}", why)
    elif passed is None:
        ET.SubElement(case, "skipped", {"message": describe_undecided(table, record, rows)})
    elif not passed:
        failed = find_shortfalls(table, record, rows)
        graders = ", ".join(dict.fromkeys(shortfall.grader_id for shortfall in failed))
        message = f"failed: {graders}" if graders else f"broke off, fault {record.fault}"
        _outcome(case, "failure", "grade", message, "\n".join([*map(_words, failed), *([why] if why else [])]))
    return case


def _words(shortfall: Shortfall) -> str:
    turn = f"turn {shortfall.turn_index}: " if shortfall.turn_index else ""
    return f"{turn}{shortfall.grader_id}: {shortfall.rationale}"


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
