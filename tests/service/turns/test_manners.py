"""Models that take turns well, and with one known defect each."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from evalkit.service.brain.conversation import Reply, Said, UserTurn
from evalkit.service.turns.listener import INTERRUPTS_MS, SURELY_WORDS_MS
from evalkit.service.turns.manners import BAD_MANNERS, GOOD_MANNERS, manners_of
from evalkit.service.work import LetTimePass, Think

STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
COMMITTED, CREATED = "input_audio_buffer.committed", "response.created"
LOUD, QUIET = 8000, 2000
MURMUR = INTERRUPTS_MS // 32 - 4
LONG = SURELY_WORDS_MS // 32 + 4
WORDS = [f"word{number}" for number in range(40)]


def hear(bench: Any, *parts: tuple[float, int], level: int = LOUD) -> Any:
    """Append 32 ms at a time: of each part so many frames, in which somebody speaks with that probability."""
    events = bench.send("session.update", session={"type": "realtime"})
    del events[:]
    for voice, frames in parts:
        bench.voice = lambda _frame, voice=voice: voice
        for _ in range(frames):
            pcm = np.full(768, level if voice else 0, dtype="<i2")
            events += bench.send("input_audio_buffer.append", audio=base64.b64encode(pcm.tobytes()).decode())
    return events


def turn(frames: int) -> tuple[tuple[float, int], ...]:
    """Return so many frames of a voice, and silence after which the turn is over."""
    return (1.0, frames), (0.0, 17)


@pytest.fixture
def answering(new_bench: Any) -> Any:
    """A maker of sessions that have been asked something, and are a second into a long answer."""

    def make(model: str = "local-agent", **detection: Any) -> Any:
        bench = new_bench(model=model)
        if detection:
            bench.configure(audio={"input": {"turn_detection": {"type": "server_vad", **detection}}})
        bench.reply = lambda _conversation: Reply(" ".join(WORDS))
        bench.speech_ms = 8000
        bench.words = "What is it?"
        events = hear(bench, *turn(LONG))
        if bench.waits:
            events += bench.wait()
        bench.item_ids = [event["item"]["id"] for event in events.of("response.output_item.added")]
        hear(bench, (0.0, 31))
        return bench

    return make


def test_an_answer_that_was_stopped_is_heard_no_more(answering):
    """After an interruption the model is silent, whatever is drawn, so that a short sound is told like any other."""
    bench = answering()
    bench.configure(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
    assert STARTED in hear(bench, *turn(LONG)).types
    bench.draw(1)
    assert STARTED in hear(bench, *turn(MURMUR)).types


@pytest.mark.parametrize("words", ["Okay.", "Hello.", "", "Mama."])
def test_a_murmur(answering, words):
    """A short sound over an answer changes nothing, whatever a recogniser makes of it."""
    bench = answering()
    bench.words = words
    assert hear(bench, *turn(MURMUR)) == []


def test_many_murmurs(answering):
    """However many short sounds there are, they do not add up to an interruption."""
    bench = answering()
    bench.words = "Okay."
    assert hear(bench, *((1.0, MURMUR), (0.0, 8)) * 6, (0.0, 17)) == []


def test_a_word_that_asks_for_silence(answering):
    """A short "wait" over an answer is an interruption: told as soon as it is over, from where it began."""
    bench = answering()
    bench.words = "Wait!"
    events = hear(bench, (1.0, MURMUR), (0.0, 8))
    began_ms = (LONG + 17 + 31) * 32
    assert events.only(STARTED)["audio_start_ms"] == began_ms - 300
    assert hear(bench, (0.0, 17)).types[:2] == [STOPPED, COMMITTED]


def test_an_interruption(answering):
    """A voice that lasts is an interruption, and the answer to it answers all that was said."""
    bench = answering()
    bench.words = "I do not want that."
    assert hear(bench, (1.0, INTERRUPTS_MS // 32 - 1)) == []
    assert hear(bench, (1.0, 1)).types == [STARTED]
    events = hear(bench, (1.0, 20), (0.0, 17))
    assert (events.types[:2], events.only(CREATED)["type"]) == ([STOPPED, COMMITTED], CREATED)
    assert bench.seen[-1].items[-1] == UserTurn("I do not want that.")


def test_a_voice_in_the_background(answering):
    """A voice that is much quieter than the caller's is not told of while an answer is heard, however long it lasts."""
    assert hear(answering(), *turn(80), level=QUIET) == []


def test_a_voice_in_the_background_of_a_silence(answering):
    """In silence such a voice becomes an item, gets no answer, and is not shown to the model."""
    bench = answering()
    hear(bench, (0.0, 280))
    events = hear(bench, *turn(LONG), level=QUIET)
    assert [kind for kind in events.types if kind.startswith("input")] == [STARTED, STOPPED, COMMITTED]
    assert CREATED not in events.types
    bench.words = "And now?"
    assert CREATED in hear(bench, *turn(LONG)).types
    assert [item.text for item in bench.seen[-1].items if isinstance(item, UserTurn)] == ["What is it?", "And now?"]


@pytest.mark.parametrize(("words", "is_answered"), [("Um,", False), ("", False), ("Yes.", True)])
def test_a_short_sound_in_silence(answering, words, is_answered):
    """In silence a yes is answered, and neither a cough nor an "um" is."""
    bench = answering()
    hear(bench, (0.0, 280))
    bench.words = words
    assert (CREATED in hear(bench, *turn(MURMUR)).types) is is_answered


def test_an_answer_that_is_due_is_given(new_bench):
    """A cough before the answer cancels it, and the answer is given all the same."""
    bench = new_bench(holds_work=True)
    bench.words = "What is it?"
    hear_and_judge(bench, *turn(LONG))
    bench.holds_work = False
    bench.work.clear()
    bench.words = ""
    events = hear(bench, *turn(MURMUR))
    assert [event["response"]["status"] for event in events.of("response.done")] == ["cancelled", "completed"]
    assert bench.seen[-1].items == (UserTurn("What is it?"),)


def hear_and_judge(bench: Any, *parts: tuple[float, int]) -> Any:
    """Append, and do all work but the model's; what is spoken is not sent yet."""
    events = bench.send("session.update", session={"type": "realtime"})
    del events[:]
    for voice, frames in parts:
        bench.voice = lambda _frame, voice=voice: voice
        for _ in range(frames):
            audio = base64.b64encode(np.full(768, LOUD if voice else 0, dtype="<i2").tobytes()).decode()
            events += bench.send("input_audio_buffer.append", audio=audio)
            while bench.work:
                work = bench.work.pop(0)
                if isinstance(work, Think):
                    bench.seen.append(work.conversation)
                else:
                    events += bench.do(work)
    return events


@pytest.mark.parametrize("words", ["", "Oh, okay, I see."])
def test_a_stop_for_nothing(answering, words):
    """After a long sound without a word, or a long murmur, what was not heard of the answer follows."""
    bench = answering()
    bench.words = words
    events = hear(bench, (1.0, 22))
    bench.send("conversation.item.truncate", item_id=bench.item_ids[0], content_index=0, audio_end_ms=1600)
    events += hear(bench, (0.0, 17))
    rest = [event for event in events if event["type"] == "response.done"][-1]["response"]["output"][0]["content"][0]
    assert rest["transcript"].split() == WORDS[8:]


def test_a_client_that_does_not_truncate(answering):
    """Where the client does not tell what it played, what was not heard is what its clock says."""
    bench = answering()
    bench.words = ""
    rest = hear(bench, *turn(22)).only("response.done")["response"]["output"][0]["content"][0]
    assert rest["transcript"].split() == WORDS[8:]


def test_without_interruptions_every_sound_is_told(answering):
    """With interrupt_response false nothing is stopped, and turns are told as ever."""
    bench = answering(interrupt_response=False, create_response=False)
    assert hear(bench, (1.0, 1)).types == [STARTED]


def say_without_words(bench: Any, *parts: tuple[float, int]) -> tuple[Any, Any]:
    """Append and judge; return what was told, and the recognition that is still to be done."""
    events = hear(bench, (0.0, 0))
    for voice, frames in parts:
        bench.voice = lambda _frame, voice=voice: voice
        for _ in range(frames):
            audio = base64.b64encode(np.full(768, LOUD if voice else 0, dtype="<i2").tobytes()).decode()
            events += bench.send("input_audio_buffer.append", audio=audio)
            events += bench.do(bench.work.pop())
    return events, bench.work.pop(0)


def test_words_that_come_late(new_bench):
    """Short utterances whose words are known only when all are over have one answer, to all of them, and no error."""
    bench = new_bench(holds_work=True)
    told = [say_without_words(bench, *turn(MURMUR)) for _ in range(3)]
    bench.words, bench.holds_work = "Yes.", False
    events = [event for _, work in told for event in bench.settle(bench.session.heard(work.ticket, "Yes."))]
    assert [event["type"] for event in events if event["type"] in (CREATED, "error")] == [CREATED]
    assert bench.seen[-1].items == (UserTurn("Yes. Yes. Yes."),)


def test_words_behind_a_murmur(answering):
    """Who murmurs and then says something, before either is understood, is answered; nothing is resumed."""
    bench = answering()
    bench.holds_work = True
    _, murmur = say_without_words(bench, *turn(22))
    _, words = say_without_words(bench, *turn(22))
    bench.holds_work = False
    assert bench.settle(bench.session.heard(murmur.ticket, "Oh, okay.")) == []
    events = bench.settle(bench.session.heard(words.ticket, "I do not want that."))
    assert [kind for kind in events.types if kind in (CREATED, "error")] == [CREATED]
    assert bench.seen[-1].items[-1] == UserTurn("I do not want that.")


def test_good_manners():
    """Whoever is not known for the contrary has good manners; each of the others lacks exactly one thing."""
    assert manners_of("local-agent") == manners_of("anybody") == GOOD_MANNERS
    good = vars(GOOD_MANNERS)
    for manners in BAD_MANNERS.values():
        assert sum(value != good[name] for name, value in vars(manners).items()) == 1


def test_deaf(answering):
    """It says all it has to say, and takes up what was said meanwhile when it has been heard."""
    bench = answering("local-deaf")
    bench.words = "I do not want that."
    assert hear(bench, *turn(30)) == []
    events = hear(bench, (0.0, 250))
    assert events.types[:3] == [STARTED, STOPPED, COMMITTED]
    assert events[0]["audio_start_ms"] == (LONG + 17 + 31) * 32 - 300
    assert CREATED in events.types
    assert bench.seen[-1].items[-1] == UserTurn("I do not want that.")


def test_deaf_to_murmurs(answering):
    """Of a long murmur it makes as little as others do, only later."""
    bench = answering("local-deaf")
    bench.words = "Oh, okay, I see."
    assert hear(bench, *turn(30)) == []
    events = hear(bench, (0.0, 250))
    assert events.types[:3] == [STARTED, STOPPED, COMMITTED]
    assert CREATED not in events.types


def test_slow_yield(answering):
    """It speaks on for a second longer than others."""
    bench = answering("local-slow-yield")
    assert hear(bench, (1.0, INTERRUPTS_MS // 32 + 30)) == []
    assert STARTED in hear(bench, (1.0, 3)).types


def test_slow_yield_to_few_words(answering):
    """Who has finished before it stops is told of and answered."""
    bench = answering("local-slow-yield")
    bench.words = "I do not want that."
    events = hear(bench, (1.0, 22), (0.0, 17))
    assert events.types[:3] == [STARTED, STOPPED, COMMITTED]
    assert CREATED in events.types


def test_yields_to_all(answering):
    """It stops for the first moment of any sound, and goes on."""
    bench = answering("local-yields-to-all")
    bench.words = "Mama."
    assert hear(bench, (1.0, 1), level=QUIET).types == [STARTED]
    assert "response.done" in hear(bench, (1.0, 9), (0.0, 17), level=QUIET).types


def test_eager(new_bench):
    """It says something in a pause inside a sentence; the sentence is answered as ever."""
    bench = new_bench(model="local-eager")
    events = hear(bench, (1.0, LONG), (0.0, 7))
    assert events.only("response.done")["response"]["output"][0]["content"][0]["transcript"] == "Mm-hmm."
    assert hear(bench, (1.0, LONG)).types == []
    assert hear(bench, (0.0, 17)).types.count("response.done") == 2


def test_sluggish(new_bench):
    """It is silent for two seconds before it answers; who speaks meanwhile is answered later."""
    bench = new_bench(model="local-sluggish")
    assert CREATED not in hear(bench, *turn(LONG)).types
    waiting = bench.waits[-1]
    assert isinstance(waiting, LetTimePass)
    assert waiting.duration_s == 2.0
    hear(bench, (1.0, 3))
    assert bench.settle(bench.session.waited(waiting.ticket)) == []
    hear(bench, *turn(LONG))
    assert CREATED in bench.wait().types


def test_talks_over(new_bench):
    """It says something while the caller speaks, once, and answers when they have finished."""
    bench = new_bench(model="local-talks-over")
    assert hear(bench, (1.0, SURELY_WORDS_MS // 32 - 1)).types == [STARTED]
    assert "response.done" in hear(bench, (1.0, 1)).types
    assert hear(bench, (1.0, 60)).types == []
    assert CREATED in hear(bench, (0.0, 17)).types


def test_an_answer_waits_for_an_interjection(new_bench):
    """Who has finished while it still says something unasked gets the answer after that, and no error."""
    bench = new_bench(model="local-talks-over", holds_work=True)
    events = hear_and_judge(bench, *turn(SURELY_WORDS_MS // 32 + 1))
    assert bench.session.streaming
    assert [kind for kind in events.types if kind in (CREATED, COMMITTED, "error")] == [CREATED, COMMITTED]
    bench.holds_work = False
    events = bench.settle(bench.session.draw())
    assert events.types.index("response.done") < events.types.index(CREATED)


def test_answers_side_speech(answering):
    """It takes a voice in the background for the caller's: it stops, and answers."""
    bench = answering("local-answers-side-speech")
    bench.words = "Turn that down, please."
    events = hear(bench, *turn(LONG), level=QUIET)
    assert events.types[:3] == [STARTED, STOPPED, COMMITTED]
    assert CREATED in events.types


def test_never_resumes(answering):
    """After a stop for nothing it is silent, until somebody speaks to it."""
    bench = answering("local-never-resumes")
    bench.words = ""
    assert CREATED not in hear(bench, *turn(22)).types
    bench.words = "Are you there?"
    assert CREATED in hear(bench, *turn(LONG)).types


@pytest.mark.parametrize("words", ["", "Oh, okay, I see.", "No, wait, stop."])
def test_a_stop_while_the_answer_is_still_written(new_bench, words):
    """What else the model would have said is not known, so it is asked again, and told what was heard."""
    bench = new_bench(holds_work=True, counts_tokens=False, words="What is it?")
    response_id = hear_and_judge(bench, *turn(LONG)).only(CREATED)["response"]["id"]
    bench.session.told(response_id, " ".join([*WORDS, ""]))
    bench.session.spoken(response_id, np.ones(8000 * 16, dtype=np.int16), 16_000, 0)
    bench.draw(40)
    bench.words = words
    kinds = hear_and_judge(bench, (0.0, 31), (1.0, 22), (0.0, 17)).types
    assert kinds.index("response.done") < kinds.index(CREATED)
    assert len(bench.seen) == 2
    said = next(item for item in bench.seen[-1].items if isinstance(item, Said))
    assert said.heard is not None
    assert 0 < len(said.heard.split()) < 20
