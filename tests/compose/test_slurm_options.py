"""A job is tried out on Slurm before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from slurm_programs import SlurmPrograms

from evalkit.compose.slurm_options import find_refusal

SETTINGS = {"timeout_min": 90, "cpus_per_task": 2, "mem_gb": 4, "partition": "cpu", "qos": None}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmPrograms:
    """Slurm's programs, none of which is there yet."""
    return SlurmPrograms(tmp_path, monkeypatch)


def test_slurm_is_asked_for_what_the_settings_say(programs: SlurmPrograms) -> None:
    """Further options by their names, which come last and win; nothing is said where it would take the job."""
    programs.answer("sbatch")
    assert find_refusal({**SETTINGS, "additional_parameters": {"mail_type": "END", "hold": True, "mem": "1GB"}}) is None
    (call,) = programs.calls
    assert call == (
        "sbatch --test-only --time=90 --cpus-per-task=2 --mem=1GB --partition=cpu --mail-type=END --hold --wrap=true"
    )


def test_a_refusal_is_told_in_slurms_words(programs: SlurmPrograms) -> None:
    """The first line and the last, without what stands before every line of the program's."""
    told = "sbatch: error: invalid partition specified: cpu\nallocation failure: Invalid partition name specified"
    programs.answer("sbatch", failure=told)
    assert find_refusal(SETTINGS) == "invalid partition specified: cpu (Invalid partition name specified)"
    programs.answer("sbatch", failure="allocation failure: Invalid feature specification")
    assert find_refusal(SETTINGS) == "Invalid feature specification"
    programs.answer("sbatch", failure=" ")
    assert find_refusal(SETTINGS) == "sbatch refuses it and does not say why"


def test_a_controller_that_does_not_answer_is_said(programs: SlurmPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a time; a program that is not there too."""
    monkeypatch.setattr("evalkit.compose.slurm_options.ANSWER_WITHIN_S", 0.2)
    assert "sbatch" in str(find_refusal(SETTINGS))
    programs.answer("sbatch", takes_s=5.0)
    assert find_refusal(SETTINGS) == "sbatch did not answer within 0.2 s; is the controller up (scontrol ping)?"
