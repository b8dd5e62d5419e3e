"""Which sandbox is taken, and why another is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from boxes.needs import needs_bubblewrap, needs_linux

import evalkit
from evalkit.errors import ConfigError
from evalkit.sandbox.finding import explain, find_sandbox, probe

pytestmark = needs_linux


@needs_bubblewrap
def test_the_best_that_works_is_taken() -> None:
    """Bubblewrap where it can be had, and every kind is reported with one sentence."""
    assert find_sandbox().name == "bubblewrap"
    assert find_sandbox("none").name == "none"
    reports = {report.name: report for report in probe()}
    assert list(reports) == ["bubblewrap", "sandlock", "none"]
    assert reports["bubblewrap"].works
    assert all(report.reason and "\n" not in report.reason for report in reports.values())


def test_without_any_the_reasons_are_given_and_none_is_never_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that nobody has read does not run without a box because a package is missing."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        find_sandbox()
    bubblewrap, sandlock, advice = caught.value.problems
    assert "install the package bubblewrap" in bubblewrap
    assert "pip install '.[sandbox]'" in sandlock
    assert "mode.sandbox=none" in advice
    with pytest.raises(ConfigError, match="bwrap is not there"):
        find_sandbox("bubblewrap")


def test_a_name_that_nobody_knows() -> None:
    """The names that there are stand in the message."""
    with pytest.raises(ConfigError, match="bubblewrap, sandlock, none"):
        find_sandbox("docker")


@pytest.mark.parametrize(
    ("said", "do"),
    [
        ("bwrap: Unknown option --disable-userns", "newer bubblewrap"),
        ("bwrap: Creating new namespace failed: No space left on device", "sysctl user.max_user_namespaces"),
        ("bwrap: setting up uid map: Permission denied", "apparmor_restrict_unprivileged_userns"),
        ("bwrap: No permissions to create new namespace, likely because", "unprivileged_userns_clone"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
        ("the box could not be made: sh: 1: tar: not found", "util-linux"),
    ],
)
def test_what_bubblewrap_says_becomes_what_to_do(said: str, do: str) -> None:
    """Its own words stay, and one remedy follows."""
    assert explain(said).startswith(f"{said}; ")
    assert do in explain(said)


def test_words_that_are_not_known_stay_as_they_are() -> None:
    """No remedy is better than a wrong one."""
    assert explain("bwrap: the moon is full") == "bwrap: the moon is full"


@needs_bubblewrap
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare of util-linux")
def test_a_machine_without_user_namespaces() -> None:
    """The kernel's refusal, as it really comes, is explained."""
    report = "from evalkit.sandbox.finding import probe\nprint(probe()[0].reason)"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c",
         'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh", sys.executable, "-c", report],
        env={"PYTHONPATH": str(Path(evalkit.__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr or "max_user_namespaces" in done.stderr:
        pytest.skip(f"cannot be tried here: {done.stderr.strip()}")
    assert "; the machine allows no user namespaces" in done.stdout, done.stderr
