"""What a run found is read once, and anew when its files change."""

from __future__ import annotations

from pathlib import Path

import pytest
import stored_runs

from evalkit.errors import ConfigError
from evalkit.lab.web import stored_findings
from evalkit.lab.web.stored_findings import FindingsShelf


def test_it_is_what_the_report_says(tmp_path: Path) -> None:
    run = stored_runs.write_crawl(tmp_path / "run")
    found = FindingsShelf().read(run.root)
    assert found.findings["summary"]["passed_mean"] == 0.5
    assert found.findings["endings"] == {"passed": 1, "not passed": 1, "lost: infrastructure": 1}
    assert found.latencies["first audio"] == [400.0, 400.0]
    assert dict(found.config)["mode.name"] == "crawl"
    assert "case_trials" not in dict(found.facts)


def test_it_is_kept_until_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored_runs.write_crawl(tmp_path / "run")
    read: list[Path] = []

    def counted(root: Path) -> stored_findings.RunFindings:
        read.append(root)
        return original(root)

    original = stored_findings.read_findings
    monkeypatch.setattr(stored_findings, "read_findings", counted)
    shelf = FindingsShelf()
    assert shelf.read(run.root) is shelf.read(run.root)
    assert len(read) == 1
    run.journal_resumption(3)
    shelf.read(run.root)
    assert len(read) == 2


def test_few_are_kept(tmp_path: Path) -> None:
    shelf = FindingsShelf()
    first = stored_runs.write_crawl(tmp_path / "first", passing=())
    kept = shelf.read(first.root)
    for number in range(8):
        shelf.read(stored_runs.write_crawl(tmp_path / str(number), passing=()).root)
    assert shelf.read(first.root) is not kept


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    run = stored_runs.write_crawl(tmp_path / "run")
    run.provenance_path.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"provenance\.json: has no case_trials"):
        FindingsShelf().read(run.root)
