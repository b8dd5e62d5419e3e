"""Git is asked in a folder of its own, and finds no repository and no configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.modes.coding.git_apply import find_git, git_apply

DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


def test_inside_of_a_repository_the_diff_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git would skip every file of a folder inside of one, and say that all is well."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert git_apply({"x": b"a\n", "y/z": b"z"}, DIFF, recount=False, strip=1) == {"x": b"b\n", "y/z": b"z"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_no_configuration_changes_what_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's nor one from the environment."""
    (tmp_path / ".gitconfig").write_text("[apply]\n\twhitespace = error\n\tignoreWhitespace = change\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    spaced = DIFF.replace("+b", "+b  ")
    assert git_apply({"x": b"a\n"}, spaced, recount=False, strip=1) == {"x": b"b  \n"}
    refused = git_apply({"x": b"a \n"}, DIFF, recount=False, strip=1)
    assert isinstance(refused, str)
    assert refused.startswith("error:")


def test_counts_are_believed_or_counted() -> None:
    """``--recount`` is what makes the difference."""
    wrong = DIFF.replace("-1 +1", "-1,4 +1,4")
    assert isinstance(git_apply({"x": b"a\n"}, wrong, recount=False, strip=1), str)
    assert git_apply({"x": b"a\n"}, wrong, recount=True, strip=1) == {"x": b"b\n"}


def test_links_and_modes_are_told() -> None:
    """They never come back as files."""
    link = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n"
    assert "link" in git_apply({"x": b"a\n"}, link, recount=False, strip=1)
    program = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"
    assert "mode" in git_apply({"x": b"a\n"}, program, recount=False, strip=1)


def test_without_git_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strict and lenient would mean something else without it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="install the package git"):
        find_git()
