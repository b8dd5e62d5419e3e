"""A recorded conversation is played to who says the same, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.events import ClientEvents, SessionSpec
from evalkit.service.replay.player import MISMATCH, Mismatch, PlayedReply, Player

SPEC = SessionSpec("Be kind.", AudioFormat.G711_ULAW, AudioFormat.G711_ULAW)


def _player(run: Any) -> Player:
    return Player(run.conversation("c1", "assistant"), "case c1, assistant")


def _types(reply: PlayedReply) -> list[str]:
    return [event["type"] for event in reply.events]


@pytest.mark.parametrize("chunk_bytes", [100, 160, 1024])
def test_the_same_client_in_any_chunks(store, said: bytes, chunk_bytes: int) -> None:
    """Each thing it says is followed by what was said then; how it cuts its audio changes nothing."""
    player, client = _player(store()), ClientEvents()
    assert _types(player.open()) == ["session.created"]
    assert _types(player.take(client.session_update(SPEC))) == ["session.updated"]
    for start in range(0, len(said), chunk_bytes):
        assert player.take(client.append_audio(said[start : start + chunk_bytes])) == PlayedReply()
    assert _types(player.take(client.commit_audio())) == ["input_audio_buffer.committed"]
    assert _types(player.take(client.create_response()))[-1] == "response.done"


def test_other_settings_are_a_mismatch(store) -> None:
    """The message names the case, the place, and both values."""
    player = _player(store())
    with pytest.raises(Mismatch) as caught:
        player.take(ClientEvents().session_update(SessionSpec("Be quick.", SPEC.input_format, SPEC.output_format)))
    assert caught.value.code == MISMATCH
    assert 'case c1, assistant: session.update: session.instructions was "Be kind."' in caught.value.message
    assert 'is "Be quick." now' in caught.value.message


def test_other_audio_is_a_mismatch(store, said: bytes) -> None:
    """One byte is enough, and it is said when the utterance ends."""
    player, client = _player(store()), ClientEvents()
    player.take(client.session_update(SPEC))
    player.take(client.append_audio(said[:-1]))
    with pytest.raises(Mismatch, match=r"audio \(1023 bytes\) is not the recorded audio"):
        player.take(client.commit_audio())


def test_another_order_and_too_much_are_mismatches(store, said: bytes) -> None:
    """What comes next is known."""
    player, client = _player(store()), ClientEvents()
    with pytest.raises(Mismatch, match=r"sent session.update, this one sends response.create"):
        player.take(client.create_response())
    player.take(client.session_update(SPEC))
    player.take(client.append_audio(said))
    player.take(client.commit_audio())
    player.take(client.create_response())
    with pytest.raises(Mismatch, match=r"said nothing more, this one sends response.create"):
        player.take(client.create_response())


def test_an_impatient_client_is_no_other_client(store) -> None:
    """A cancellation that the recorded client did not need is let pass."""
    player = _player(store())
    assert player.take(ClientEvents().cancel_response()) == PlayedReply()


@pytest.mark.parametrize(
    ("kind", "close"),
    [
        ("connection_closed", (1011, "as recorded")),
        ("session_expired", (3000, "invalid_request_error.session_expired")),
        ("timeout", None),
    ],
)
def test_a_bad_end_is_played_too(store, said: bytes, kind: str, close: tuple[int, str] | None) -> None:
    """What had hung up hangs up again, after its last words; what had been silent is silent."""
    player, client = _player(store(failure={"error_type": kind})), ClientEvents()
    assert player.take(client.session_update(SPEC)).close is None
    player.take(client.append_audio(said))
    player.take(client.commit_audio())
    assert player.take(client.create_response()).close == close


def test_an_error_names_this_clients_event(store) -> None:
    """Event ids depend on how often audio was cut; an error still finds the event it is about."""
    recording = store().conversation("c1", "assistant")
    update = recording.steps[0]
    error = {"type": "error", "error": {"code": "x", "event_id": update.event["event_id"]}}
    recording.steps[0].answers[:] = [error]
    mine = {**ClientEvents().session_update(SPEC), "event_id": "mine"}
    (answer,) = Player(recording, "c1").take(mine).events
    assert answer["error"]["event_id"] == "mine"
