"""What a session does about turns that it detects itself."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.service.brain.conversation import Reply, Said, UserTurn
from evalkit.service.work import FindVoice, Recognise

FRAME = 1536
SPOKEN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


def hear(bench: Any, voice: float, frames: int, frame_bytes: int = FRAME) -> Any:
    """Let the client append so many frames of 32 ms, in which somebody speaks with that probability."""
    bench.voice = lambda _frame: voice
    audio = base64.b64encode(bytes(frames * frame_bytes)).decode()
    return bench.send("input_audio_buffer.append", audio=audio)


def detect(bench: Any, kind: str = "server_vad", **values: Any) -> Any:
    return bench.configure(audio={"input": {"turn_detection": {"type": kind, **values}}})


def utter(bench: Any) -> Any:
    """Let somebody speak for 320 ms and be silent for long enough."""
    events = hear(bench, 1.0, 10)
    events += hear(bench, 0.0, 16)
    return type(events)(events)


def test_a_default_session_answers(bench):
    """A client that does nothing but append gets the events of a turn, and an answer, in the protocol's order."""
    hear(bench, 0.0, 20)
    events = utter(bench)
    assert events.types[:6] == [*SPOKEN, "response.created"]
    assert events[0]["audio_start_ms"] == 20 * 32 - 300
    assert events[1]["audio_end_ms"] == (20 + 10 + 16) * 32
    assert {one.get("item_id") or one["item"]["id"] for one in events[:5]} == {events[0]["item_id"]}
    assert events[-1]["response"]["status"] == "completed"


def test_the_item_holds_the_turn(bench):
    """What is committed reaches from the one position told to the other; what comes after belongs to the next turn."""
    hear(bench, 0.0, 40)
    hear(bench, 1.0, 10)
    events = hear(bench, 0.0, 20)
    item_id = events.only("input_audio_buffer.committed")["item_id"]
    part = bench.send("conversation.item.retrieve", item_id=item_id)[0]["item"]["content"][0]
    assert len(base64.b64decode(part["audio"])) == (300 + (10 + 16) * 32) * 48
    events = utter(bench)
    assert events[0]["audio_start_ms"] == (40 + 10 + 20) * 32 - 4 * 32


def test_input_transcription(bench):
    """Where it was asked for, the words of a detected turn are told."""
    bench.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    events = utter(bench)
    told = events.only("conversation.item.input_audio_transcription.completed")
    assert (told["transcript"], told["item_id"]) == ("hello there", events[0]["item_id"])


def test_events_only(bench):
    """With create_response false a turn is committed, and nobody answers."""
    detect(bench, create_response=False)
    assert utter(bench).types == SPOKEN


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
def test_barge_in(new_bench, kind):
    """Who speaks during an answer cancels it: it says why, after speech_started, and not a word more is heard."""
    bench = new_bench(holds_work=True)
    detect(bench, kind)
    bench.send("response.create")
    while bench.work:
        bench.do(bench.work.pop(0))
    bench.draw(2)
    hear(bench, 1.0, 1)
    bench.holds_work = False
    events = bench.settle(bench.session.receive(""))
    assert events.types[1] == "input_audio_buffer.speech_started"
    done = events.only("response.done")["response"]
    assert (done["status"], done["status_details"]) == ("cancelled", {"type": "cancelled", "reason": "turn_detected"})
    assert events.types[-1] == "response.done"
    assert not bench.draw(3)


def test_a_thought_is_interrupted_too(new_bench):
    """An answer that is still being thought of is cancelled, and what was thought comes to nothing."""
    bench = new_bench(holds_work=True)
    bench.send("response.create")
    thinking = bench.work.pop(0)
    hear(bench, 1.0, 1)
    assert "response.done" in bench.do(bench.work.pop(0)).types
    assert bench.settle(bench.session.thought(thinking.response_id, Reply("Late."))) == []


def test_no_interruption(new_bench):
    """With interrupt_response false an answer goes on, and a turn that ends meanwhile gets an error for its answer."""
    bench = new_bench(holds_work=True)
    detect(bench, interrupt_response=False)
    bench.send("response.create")
    bench.work.clear()
    bench.voice = lambda frame: 1.0 if frame < 10 else 0.0
    bench.send("input_audio_buffer.append", audio=base64.b64encode(bytes(30 * FRAME)).decode())
    events = bench.do(bench.work.pop(0))
    assert events.types == SPOKEN
    events = bench.do(bench.work.pop(0))
    assert events.types == ["error"]
    assert events[-1]["error"]["code"] == "conversation_already_has_active_response"


def test_answers_outside_the_conversation_go_on(new_bench):
    """Barge-in cancels the answer to the conversation and no other response."""
    bench = new_bench(holds_work=True)
    bench.send("response.create", response={"conversation": "none"})
    bench.work.clear()
    hear(bench, 1.0, 1)
    assert bench.do(bench.work.pop(0)).types == ["input_audio_buffer.speech_started"]


@pytest.mark.parametrize(("words", "ends"), [("My order number is", False), ("My order is late.", True)])
def test_semantic_vad(bench, words, ends):
    """With semantic_vad what was said decides, after 200 ms of silence, whether that was all."""
    bench.words = words
    detect(bench, "semantic_vad", create_response=False)
    hear(bench, 1.0, 10)
    assert ("input_audio_buffer.speech_stopped" in hear(bench, 0.0, 7).types) is ends
    assert ("input_audio_buffer.speech_stopped" in hear(bench, 0.0, 118).types) is not ends


def test_an_utterance_goes_on(bench):
    """A pause within an utterance does not cut it: one item holds both halves."""
    bench.words = "It is order number"
    detect(bench, "semantic_vad", create_response=False)
    events = hear(bench, 1.0, 10) + hear(bench, 0.0, 20)
    bench.words = "It is order number 48213."
    events += hear(bench, 1.0, 10) + hear(bench, 0.0, 20)
    assert [event["type"] for event in events] == SPOKEN


def test_words_that_cannot_be_had(new_bench):
    """Where recognition fails an utterance is taken for whole: better cut than never answered."""
    bench = new_bench(holds_work=True)
    detect(bench, "semantic_vad")
    hear(bench, 1.0, 10)
    bench.do(bench.work.pop(0))
    hear(bench, 0.0, 10)
    bench.do(bench.work.pop(0))
    asked = bench.work.pop(0)
    assert isinstance(asked, Recognise)
    assert "input_audio_buffer.speech_stopped" in bench.settle(bench.session.not_heard(asked.ticket, "no ears")).types


def test_clear(bench):
    """Clearing ends a turn that has begun: nothing of it is committed, and the next is found after it."""
    assert hear(bench, 1.0, 3).types == ["input_audio_buffer.speech_started"]
    assert bench.send("input_audio_buffer.clear").types == ["input_audio_buffer.cleared"]
    assert hear(bench, 0.0, 60).types == []
    events = utter(bench)
    assert events.types[:5] == SPOKEN
    assert events[0]["audio_start_ms"] == (3 + 60) * 32 - 300


def test_an_explicit_commit(bench):
    """A client may end a turn itself: the item is the one that was announced, and nothing is stopped or answered."""
    started = hear(bench, 1.0, 10).only("input_audio_buffer.speech_started")
    events = bench.send("input_audio_buffer.commit")
    assert events.types == SPOKEN[2:]
    assert events[0]["item_id"] == started["item_id"]
    assert hear(bench, 0.0, 60).types == []


def test_an_announced_id_that_a_client_takes(bench):
    """Who makes an item of the id that was announced for the turn gets the turn as an item of another id."""
    item_id = hear(bench, 1.0, 10).only("input_audio_buffer.speech_started")["item_id"]
    content = [{"type": "input_text", "text": "Mine."}]
    bench.send("conversation.item.create", item={"id": item_id, "type": "message", "role": "user", "content": content})
    events = hear(bench, 0.0, 16)
    assert events.types[:4] == SPOKEN[1:]
    assert events.only("input_audio_buffer.committed")["item_id"] != item_id


def test_what_was_emptied_away_is_not_judged(new_bench):
    """A judgement that comes after its audio was cleared changes nothing."""
    bench = new_bench(holds_work=True)
    hear(bench, 1.0, 3)
    bench.send("input_audio_buffer.clear")
    assert bench.do(bench.work.pop(0)) == []


@pytest.mark.parametrize("fails", [False, True])
def test_words_of_what_was_emptied_away(new_bench, fails):
    """A pause whose audio was cleared while its words were sought ends nothing."""
    bench = new_bench(holds_work=True)
    detect(bench, "semantic_vad")
    hear(bench, 1.0, 10)
    bench.do(bench.work.pop(0))
    hear(bench, 0.0, 10)
    bench.do(bench.work.pop(0))
    asked = bench.work.pop(0)
    bench.send("input_audio_buffer.clear")
    session = bench.session
    assert bench.settle(session.not_heard(asked.ticket, "") if fails else session.heard(asked.ticket, "Yes.")) == []


def test_an_update_listens_anew(bench):
    """A changed turn detection begins anew; one that is told again does not interrupt the turn under way."""
    hear(bench, 1.0, 3)
    bench.configure(audio={"input": {"turn_detection": {"type": "server_vad"}}}, instructions="Be brief.")
    assert hear(bench, 0.0, 16).types[:4] == SPOKEN[1:]
    hear(bench, 1.0, 3)
    detect(bench, threshold=0.6)
    assert hear(bench, 0.0, 60).types == []
    bench.configure(audio={"input": {"turn_detection": None}})
    assert hear(bench, 1.0, 60).types == []


def test_long_silence_is_forgotten(bench):
    """Of a long silence the last half minute is kept, however long a client streams it."""
    for _ in range(20):
        hear(bench, 0.0, 100)
    assert 30_000 * 48 <= bench.session._buffer.byte_count < 31_000 * 48
    assert bench.send("input_audio_buffer.commit").types == SPOKEN[2:]


def test_idle(bench):
    """Silence for the idle timeout after an answer that has been played is told, committed and answered."""
    detect(bench, idle_timeout_ms=6000)
    utter(bench)
    assert bench.waits[-1].duration_s == pytest.approx(6.35)
    hear(bench, 0.0, 100)
    events = bench.wait()
    assert events.types[:5] == ["input_audio_buffer.timeout_triggered", *SPOKEN[2:], "response.created"]
    assert events[0]["audio_start_ms"] == 26 * 32 + 350
    assert events[0]["audio_end_ms"] == 126 * 32
    assert events[1]["item_id"] == events[0]["item_id"]
    assert len(bench.waits) == 2


def test_idle_without_audio(bench):
    """A client that sends nothing while it plays is idle too: the item is empty, and heard as no word."""
    detect(bench, idle_timeout_ms=6000)
    utter(bench)
    bench.words = "an invention"
    events = bench.wait()
    assert events[0]["audio_start_ms"] == events[0]["audio_end_ms"]
    assert events[-1]["response"]["status"] == "completed"
    assert bench.seen[-1].items[-1].text == ""


@pytest.mark.parametrize("what", ["speech", "answer", "update"])
def test_not_idle(bench, what):
    """Who speaks, is being answered, or has asked for another turn detection is not idle."""
    detect(bench, idle_timeout_ms=6000)
    utter(bench)
    waiting = bench.waits[-1]
    match what:
        case "speech":
            hear(bench, 1.0, 2)
        case "answer":
            bench.send("response.create")
        case _:
            detect(bench)
    assert bench.settle(bench.session.waited(waiting.ticket)) == []


def test_only_what_was_heard_is_remembered(bench):
    """After a truncation the model remembers the words that had been played, and clients see none."""
    bench.reply = lambda _conversation: Reply("One two three four five six seven.")
    bench.speech_ms = 7000
    item = utter(bench).only("response.done")["response"]["output"][0]
    place = {"item_id": item["id"], "content_index": 0}
    assert bench.send("conversation.item.truncate", **place, audio_end_ms=7001).error["param"] == "audio_end_ms"
    bench.send("conversation.item.truncate", **place, audio_end_ms=4500)
    shown = bench.send("conversation.item.retrieve", item_id=item["id"])[0]["item"]
    assert shown["content"][0]["transcript"] == ""
    utter(bench)
    assert Said("One two three four") in bench.seen[-1].items
    bench.send("conversation.item.truncate", **place, audio_end_ms=2250)
    utter(bench)
    assert Said("One two") in bench.seen[-1].items


def test_an_answer_under_way_can_be_cut(new_bench):
    """A client that interrupts by itself truncates what is still being sent, and cancels it then."""
    bench = new_bench(holds_work=True)
    bench.reply = lambda _conversation: Reply("One two three four five six seven.")
    bench.speech_ms = 7000
    detect(bench, interrupt_response=False)
    bench.send("response.create")
    bench.do(bench.work.pop(0))
    bench.do(bench.work.pop(0))
    item_id = bench.draw(41).of("response.output_item.added")[0]["item"]["id"]
    place = {"item_id": item_id, "content_index": 0}
    assert bench.session.receive(_truncate(place, 4001)).events[0]["error"]["param"] == "audio_end_ms"
    assert [one["type"] for one in bench.session.receive(_truncate(place, 2500)).events] == [
        "conversation.item.truncated"
    ]
    bench.holds_work = False
    assert bench.send("response.cancel").only("response.done")["response"]["status"] == "cancelled"
    shown = bench.send("conversation.item.retrieve", item_id=item_id)[0]["item"]["content"][0]
    assert shown["transcript"] == ""
    assert len(base64.b64decode(shown["audio"])) == 2500 * 48
    bench.send("response.create")
    assert Said("One two") in bench.seen[-1].items


def _truncate(place: dict[str, Any], end_ms: int) -> str:
    return orjson.dumps({"type": "conversation.item.truncate", **place, "audio_end_ms": end_ms}).decode()


def test_a_detector_that_fails(new_bench):
    """Where nobody can tell whether somebody speaks, the client is told once, and turns are its own."""
    bench = new_bench(holds_work=True)
    hear(bench, 1.0, 3)
    asked = bench.work.pop(0)
    assert isinstance(asked, FindVoice)
    error = bench.settle(bench.session.not_judged(asked.ticket, "broken")).error
    assert (error["type"], error["message"]) == ("server_error", "broken")
    assert hear(bench, 1.0, 3).types == []
    assert bench.work == []
    assert bench.send("input_audio_buffer.commit").types == SPOKEN[2:]


def test_the_echo_takes_turns(new_bench):
    """The echo detects turns as every model does, though it keeps no audio and understands nothing."""
    bench = new_bench(is_echo=True)
    assert utter(bench).types[:6] == [*SPOKEN, "response.created"]
    detect(bench, "semantic_vad")
    hear(bench, 1.0, 10)
    assert hear(bench, 0.0, 7).types[:4] == SPOKEN[1:]


_ACTIONS = st.one_of(
    st.tuples(st.just("hear"), st.booleans(), st.integers(1, 40)),
    st.tuples(st.sampled_from(["commit", "clear", "answer", "cancel", "wait", "draw", "manual", "server", "semantic"])),
)


@given(st.lists(_ACTIONS, max_size=30), st.sampled_from(["I see.", "and"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_call(new_bench, actions, words):
    """Whatever happens in whatever order: turns alternate, positions grow, each commit has the item that was told."""
    bench = new_bench(words=words)
    events = bench.settle(bench.session.open())
    for action in actions:
        events += _act(bench, *action)
    position, speaking, stopped = 0, None, None
    answering: set[str] = set()
    for event in events:
        match event["type"]:
            case "input_audio_buffer.speech_started":
                assert event["audio_start_ms"] >= position
                position, speaking = event["audio_start_ms"], event["item_id"]
            case "input_audio_buffer.speech_stopped":
                assert event["item_id"] == speaking
                assert event["audio_end_ms"] > position
                position, speaking, stopped = event["audio_end_ms"], None, event["item_id"]
            case "input_audio_buffer.committed":
                assert stopped is None or event["item_id"] == stopped
                speaking, stopped = None, None
            case "response.created":
                assert not answering
                answering.add(event["response"]["id"])
            case "response.done":
                answering.remove(event["response"]["id"])
            case kind if kind.startswith("response."):
                assert event["response_id"] in answering


def _act(bench: Any, action: str, *arguments: Any) -> Any:
    detections = {
        "manual": None,
        "server": {"type": "server_vad", "idle_timeout_ms": 5000},
        "semantic": {"type": "semantic_vad", "eagerness": "high"},
    }
    events: Any = []
    if action == "hear":
        voice, frames = arguments
        events = hear(bench, float(voice), frames)
    elif action in {"commit", "clear"}:
        events = bench.send(f"input_audio_buffer.{action}")
    elif action == "answer":
        bench.holds_work = True
        events = bench.send("response.create")
        bench.holds_work = False
    elif action == "cancel":
        events = bench.send("response.cancel")
    elif action == "draw":
        events = bench.draw(1)
    elif action in detections:
        events = bench.configure(audio={"input": {"turn_detection": detections[action]}})
    elif bench.waits:
        events = bench.wait()
    return events


def test_two_halves_of_an_utterance(new_bench):
    """Who goes on after a pause, before anything of the answer was heard, has said one thing: all of it is answered."""
    bench = new_bench(holds_work=True)
    bench.words = "Move order 49903 to March 12th."
    hear(bench, 1.0, 10)
    bench.do(bench.work.pop(0))
    hear(bench, 0.0, 16)
    while bench.work:
        bench.do(bench.work.pop(0))
    bench.draw(2)
    bench.holds_work = False
    bench.words = "I am not home before that."
    utter(bench)
    assert bench.seen[-1].items == (UserTurn("Move order 49903 to March 12th. I am not home before that."),)


def test_with_manual_turns_items_stay_as_they_are(bench):
    """A client that takes the turns itself has its two items seen as two."""
    bench.configure(audio={"input": {"turn_detection": None}})
    bench.say()
    bench.say()
    bench.send("response.create")
    assert bench.seen[-1].items == (UserTurn("hello there"), UserTurn("hello there"))
