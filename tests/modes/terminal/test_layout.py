"""The layout of terminal sessions: columns, how case-trials ended, and the markup of their part of the page."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import factories
import pytest
from stored_sessions import HOSTILE, make_session, make_source

from evalkit.modes.terminal.layout import TERMINAL_LAYOUT
from evalkit.records.faults import Failure
from evalkit.reports.page.render import RenderedSection, render_section
from evalkit.reports.rows import build_table
from evalkit.reports.summary import RunFacts, summarize

(SECTION,) = TERMINAL_LAYOUT.page_sections


def section_of(*records: object, **given: object) -> RenderedSection:
    return render_section(SECTION, make_source(records, **given))  # type: ignore[arg-type]


def test_nothing_that_was_written_becomes_markup() -> None:
    """Screens, words, diffs, reasons, titles: escaped, and without marks that turn the direction."""
    grade = factories.make_grade("writes", "right", 0, None, rationale=f"it is {HOSTILE}\u202e")
    failed = make_session("breaks", failure=Failure("agent_exit", "ended", f"it showed {HOSTILE}"))
    markup = str(
        section_of(make_session(), replace(failed, fault="assistant"), grades=[grade], passed={"writes": False}).markup
    )
    assert "<script>document" not in markup
    assert "<img" not in markup
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", markup)
    assert markup.count('<script type="application/json">') == markup.count("</script>")


def test_without_scripts_the_last_screen_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text; and where no emulator is installed, it is said."""
    monkeypatch.setitem(sys.modules, "pyghostty", None)
    markup = str(section_of(make_session()).markup)
    assert '<pre class="last-screen">Wrote it\n&gt;</pre>' in markup
    assert "pyghostty is not installed" in markup.replace("Pyghostty", "pyghostty")


def test_sessions_of_other_transports_show_their_turns() -> None:
    """And name no player."""
    markup = str(section_of(make_session(transport="acp")).markup)
    assert "Turn by turn" in markup
    assert "asciinema" not in markup
    assert "signs disagree: blocked_read 7,900 ms before quiet" in markup


def test_an_empty_run_has_a_section() -> None:
    """Of a run that has only begun."""
    assert "Every session went well" in str(section_of().markup)


def test_the_section_brings_its_script_and_style() -> None:
    """Which speak to nobody."""
    section = section_of()
    assert "textContent" in section.script
    assert ".session" in section.style
    assert not re.search(r"innerHTML|fetch|https?://|import|eval|url\(", section.script + section.style)


def test_how_a_session_stopped_counts_once() -> None:
    """By its last turn, though every turn is a row."""
    records = [make_session("one"), make_session("two")]
    config = {"mode": {"name": "terminal"}, "trials": 1, "seed": 0}
    table = build_table(TERMINAL_LAYOUT, config, records, [], lambda path: path)
    assert len(table.rows) == 4
    assert summarize(RunFacts("nightly", config, "abc"), table, records, [])["outcomes"] == {"ready": 2}
