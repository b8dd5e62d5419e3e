"""Every module has a test file of the same name in the same place, or stands here with the reason why not."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]

# Module -> where it is tested instead.
ELSEWHERE = {
    "modes/coding/attempt_files.py": "modes/coding/test_attempts.py",
    "modes/coding/settings.py": "modes/coding/test_mode.py",
    "modes/coding/starter.py": "e2e/test_coding.py",
    "compose/explaining.py": "compose/test_overrides.py",
    "compose/hydra_calls.py": "compose/test_launching.py",
    "compose/sweep_launching.py": "compose/test_launching.py",
    "compose/key_names.py": "compose/test_submitit_launcher.py",
    "compose/ray_launcher.py": "e2e/test_ray.py",
    "compose/ray_cluster/keeper.py": "e2e/test_ray.py",
    "compose/ray_cluster/session.py": "e2e/test_ray.py",
    "compose/ray_cluster/stop.py": "e2e/test_ray.py",
    "compose/ray_cluster/words.py": "compose/ray_cluster/test_queue.py",
    "compose/search_path.py": "compose/test_planning.py",
    "compose/run_types.py": "compose/test_planning.py",
    "commands/run.py": "e2e/test_crawl.py",
    "commands/service.py": "service/test_server.py",
    "commands/new.py": "e2e/test_new.py",
    "commands/voice.py": "e2e/test_walk.py",
    "lab/index/rows.py": "lab/index/test_queries.py",
    "lab/index/tables.py": "lab/index/test_database.py",
    "lab/index/trial_reading.py": "lab/index/test_reading.py",
    "lab/index/writing.py": "lab/index/test_follower.py",
    "modes/coding/edits.py": "modes/coding/test_patch.py",
    "modes/terminal/case.py": "modes/terminal/test_cases.py",
    "modes/terminal/link.py": "modes/terminal/test_blame.py",
    "modes/terminal/settings.py": "modes/terminal/test_mode.py",
    "modes/terminal/starter.py": "modes/terminal/test_mode.py",
    "modes/voice/duplex_account.py": "modes/voice/test_spoken_turn.py",
    "modes/voice/duplex_call.py": "modes/voice/test_duplex_dialogue.py",
    "modes/voice/duplex_line.py": "modes/voice/test_duplex_dialogue.py",
    "modes/voice/manual_dialogue.py": "modes/voice/test_call.py",
    "modes/voice/recordings.py": "modes/voice/test_spoken.py",
    "modes/voice/server_sessions.py": "modes/voice/test_gemini_target.py",
    "modes/voice/single_turn.py": "modes/voice/test_spoken.py",
    "modes/voice/turn_evidence.py": "modes/voice/test_duplex_dialogue.py",
    "modes/voice/asked_dialogue.py": "modes/voice/test_dialogue.py",
    "modes/voice/call_planners.py": "modes/voice/test_run.py",
    "modes/voice/call_roles.py": "modes/voice/test_run.py",
    "modes/voice/utterance.py": "modes/voice/test_spoken_turn.py",
    "modes/voice/turn_record.py": "modes/voice/test_spoken_turn.py",
    "modes/voice/written_crawl.py": "e2e/test_written.py",
    "modes/voice/written_dialogue.py": "e2e/test_written.py",
    "modes/voice/written_mode.py": "e2e/test_written.py",
    "modes/voice/written_run.py": "e2e/test_written.py",
    "modes/voice/written_turn.py": "e2e/test_written.py",
    "sandbox/keeper.py": "sandbox/test_host_box.py",
    "sandbox/starting.py": "sandbox/test_attacks.py",
    "sandbox/pipes.py": "sandbox/test_bubblewrap.py",
    "realtime/gemini_live/link.py": "realtime/gemini_live/test_session.py",
    "realtime/link.py": "realtime/test_session.py",
    "realtime/live_call.py": "realtime/test_duplex.py",
    "realtime/peer_link.py": "realtime/test_session.py",
    "settings/types.py": "settings/test_schemas.py",
    "runner/sweep_reading.py": "runner/test_reporting.py",
    "service/offered.py": "commands/test_check.py",
    "service/brain/conversation.py": "service/brain/rules/agent/test_models.py",
    "service/transcription/remote.py": "service/test_endpoint.py",
    "service/transcription/seam.py": "service/test_engines.py",
    "service/speech/remote.py": "service/test_endpoint.py",
    "service/speech/seam.py": "service/test_engines.py",
    "service/faults/actions.py": "service/faults/test_injector.py",
    "service/faults/handshake.py": "service/test_line.py",
    "service/replay/unusable.py": "service/replay/test_recording.py",
    "service/work.py": "service/test_session.py",
}


def _modules() -> list[str]:
    files = (path.relative_to(ROOT / "evalkit") for path in (ROOT / "evalkit").rglob("*.py"))
    return sorted(file.as_posix() for file in files if not file.name.startswith("__"))


def test_every_module_has_its_test() -> None:
    """A newcomer who changes a module knows which test to run."""
    missing = [
        module
        for module in _modules()
        if module not in ELSEWHERE and not (ROOT / "tests" / Path(module).parent / f"test_{Path(module).name}").exists()
    ]
    assert missing == []


def test_the_exceptions_are_true() -> None:
    """Each exception is a module that exists, without a test of its own, tested in a file that exists."""
    for module, elsewhere in ELSEWHERE.items():
        assert (ROOT / "evalkit" / module).exists(), module
        assert (ROOT / "tests" / elsewhere).exists(), elsewhere
        assert not (ROOT / "tests" / Path(module).parent / f"test_{Path(module).name}").exists(), module
