"""What was proved once is not proved again, as long as nothing that it depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.peers.proofs import Proofs


def test_a_proof_holds_for_just_what_it_depends_on(tmp_path: Path) -> None:
    """Another content, or another order of it, is another proof."""
    proofs = Proofs(tmp_path / "proofs")
    assert not proofs.has(("a", "b"))
    proofs.add(("a", "b"))
    assert Proofs(tmp_path / "proofs").has(("a", "b"))
    assert not any(proofs.has(other) for other in [("b", "a"), ("a",), ("ab",), ("a", "b", "c")])


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    """Nothing is raised, and nothing is proved."""
    (tmp_path / "proofs").write_text("a file", encoding="utf-8")
    proofs = Proofs(tmp_path / "proofs")
    proofs.add(("a",))
    assert not proofs.has(("a",))


def test_they_are_in_the_cache_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything else is that runs share."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    assert Proofs.open().folder.is_relative_to(tmp_path)
