"""The responses under way in a session, from ``response.create`` to ``response.done``.

At most one answers the conversation; any number may run outside it (``conversation: "none"``). A response waits until
everything it answers has been heard, then asks the model, then the voice, then it streams. A model that tells its reply
sentence by sentence is spoken so: the first sentence streams while the rest is written. JSON among its words is not
spoken. A late answer to a response that has ended is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from evalkit.audio.g711 import Pcm
from evalkit.audio.resample import resample
from evalkit.service import echo
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Conversation, Reply
from evalkit.service.events_out import Event, Ids
from evalkit.service.heard_turns import see
from evalkit.service.items import ConversationItem, ConversationItems, system_text
from evalkit.service.responses_stream import PIECE_MS, ResponseStream
from evalkit.service.session_config import ResponseConfig
from evalkit.service.spoken_sentences import SpokenSentences
from evalkit.service.token_usage import Tokens, summed, text_tokens
from evalkit.service.work import SessionStep, Speak, Think
from evalkit.service.written_json import without_json


@dataclass
class _Run:
    stream: ResponseStream
    context: list[ConversationItem]
    joins: bool
    is_thinking: bool = False
    is_interjection: bool = False
    is_resumption: bool = False
    reply: Reply | None = None
    played_ms: float = 0.0
    following: echo.Following | None = None
    sentences: SpokenSentences | None = None


class Runs:
    """A session's responses under way.

    Args:
        ids: Where ids come from.
        conversation_id: The session's conversation.
        items: Its items.
        is_echo: Answer with a tone at once.
        counts_tokens: Whether what the model is shown and makes is counted here.

    """

    def __init__(
        self,
        ids: Ids,
        conversation_id: str,
        items: ConversationItems,
        *,
        is_echo: bool,
        counts_tokens: bool = True,
    ) -> None:
        self.has_spoken = False
        self._ids = ids
        self._conversation_id = conversation_id
        self._items = items
        self._is_echo = is_echo
        self._counts_tokens = counts_tokens
        self._runs: dict[str, _Run] = {}
        self._newest: _Run | None = None

    def create(
        self,
        config: ResponseConfig,
        context: list[ConversationItem],
        step: SessionStep,
        *,
        joins: bool = False,
        reply: Reply | None = None,
        is_interjection: bool = False,
    ) -> None:
        """Open a response to `context`; raises :class:`BadRequest` when the conversation already has one.

        Args:
            config: What it is made with.
            context: The items that it answers.
            step: Where events and work go.
            joins: Show user items that follow each other as one utterance.
            reply: What it says; None: what the model replies.
            is_interjection: It answers nothing, and another answer may be wanted while it is under way.

        """
        active = self._answering()
        if config.in_conversation and active is not None:
            message = (
                f"Conversation already has an active response in progress: {active.stream.id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise BadRequest(message, code="conversation_already_has_active_response")
        shown = _shown_tokens(config, context) if self._counts_tokens else None
        stream = ResponseStream(config, shown, self._ids, self._conversation_id, self._items)
        run = self._runs[stream.id] = _Run(
            stream, context, joins, is_thinking=reply is not None, is_interjection=is_interjection
        )
        if config.in_conversation:
            self._newest = run
        step.events += stream.open()
        if reply is not None:
            self.thought(stream.id, reply, step)
        elif not self._is_echo:
            self.go_on(step)
        elif config.with_audio and echo.follows_appends(config.metadata):
            run.following = echo.Following(config.output_format)
            stream.begin_pieces(run.following)
        else:
            stream.begin(echo.REPLY, echo.tone(config.output_format) if config.with_audio else b"")

    def follow(self, duration_ms: float | None) -> None:
        """Tell the echoes that follow the appends of one more, or (None) of the utterance's end."""
        for run in self._runs.values():
            if run.following is not None and duration_ms is None:
                run.following.end()
            elif run.following is not None and duration_ms is not None:
                run.following.hear(duration_ms)

    def cancel(self, response_id: str | None, step: SessionStep) -> None:
        """End that response, or the one that answers the conversation; raises :class:`BadRequest` if there is none."""
        run = self._answering() if response_id is None else self._runs.get(response_id)
        if run is None:
            raise BadRequest("Cancellation failed: no active response found.", code="response_cancel_not_active")
        self._end(run, run.stream.cancel(), step)

    def interrupt(self, step: SessionStep, played_ms: float = 0.0) -> None:
        """End the response that answers the conversation, if there is one, because somebody began to speak.

        Args:
            step: Where events go.
            played_ms: How much of the newest answer has been played, should the client not tell.

        """
        if self._newest is not None:
            self._newest.played_ms = played_ms
            self._newest.stream.played(played_ms)
        run = self._answering()
        if run is not None:
            self._end(run, run.stream.cancel("turn_detected"), step)

    def go_on(self, step: SessionStep) -> None:
        """Ask the model for every response whose items have all been heard."""
        for run in self._runs.values():
            if not run.is_thinking and not any(item.unheard() for item in run.context):
                run.is_thinking = True
                step.work.append(Think(run.stream.id, _conversation(run)))

    def told(self, response_id: str, text: str, step: SessionStep) -> None:
        """Take the next sentence of a reply that its model is still writing."""
        run = self._runs.get(response_id)
        if run is None:
            return
        config = run.stream.config
        if run.sentences is None:
            run.sentences = SpokenSentences(config.output_format.byte_count(PIECE_MS))
        number, said = run.sentences.add(text), without_json(text)
        if config.with_audio and _has_sound(said):
            step.work.append(Speak(response_id, said, config.voice, config.speed, number))
        else:
            _voice(run, run.sentences, number, b"")

    def thought(self, response_id: str, reply: Reply, step: SessionStep) -> None:
        """Take the model's reply, whose sentences may have been told before."""
        run = self._runs.get(response_id)
        if run is None:
            return
        run.reply = reply
        run.stream.origin = reply.origin
        if run.sentences is not None:
            run.sentences.finish(reply.calls)
            return
        words = without_json(reply.text if reply.spoken is None else reply.spoken)
        config = run.stream.config
        if config.with_audio and _has_sound(words):
            step.work.append(Speak(response_id, words, config.voice, config.speed))
        else:
            run.stream.begin(reply, b"")

    def spoken(self, response_id: str, pcm: Pcm, rate_hz: int, sentence: int | None = None) -> None:
        """Take the audio of the reply, or of one `sentence` of it."""
        run = self._runs.get(response_id)
        if run is None:
            return
        output_format = run.stream.config.output_format
        audio = output_format.to_wire(resample(pcm, rate_hz, output_format.sample_rate_hz))
        if sentence is not None and run.sentences is not None:
            _voice(run, run.sentences, sentence, audio)
            self.has_spoken = True
        elif run.reply is not None:
            run.stream.begin(run.reply, audio)
            self.has_spoken = True

    def fail(
        self,
        response_id: str,
        message: str,
        step: SessionStep,
        *,
        code: str = "server_error",
        kind: str = "server_error",
    ) -> None:
        """End a response that cannot be made; `code` and `kind` are what the protocol calls the reason."""
        run = self._runs.get(response_id)
        if run is not None:
            self._end(run, run.stream.fail(message, code=code, kind=kind), step)

    def fail_waiting(self, item: ConversationItem, message: str, step: SessionStep) -> None:
        """End the responses that wait for `item`, which will not be heard."""
        for run in list(self._runs.values()):
            if item in run.context and not run.is_thinking:
                self._end(run, run.stream.fail(message), step)

    @property
    def is_answering(self) -> bool:
        """Whether a response to the conversation is under way."""
        return self._answering() is not None

    @property
    def is_resuming(self) -> bool:
        """Whether that response goes on with one that was cut."""
        run = self._answering()
        return run is not None and run.is_resumption

    @property
    def is_interjecting(self) -> bool:
        """Whether that response answers nothing."""
        run = self._answering()
        return run is not None and run.is_interjection

    @property
    def sent_ms(self) -> tuple[str, float]:
        """The newest response to the conversation, by its id, and how much sound of it has been sent."""
        return ("", 0.0) if self._newest is None else (self._newest.stream.id, self._newest.stream.audio_ms)

    def unsaid(self) -> Reply | None:
        """Return what the caller has not heard of the newest response, which was cut; None where that is nothing."""
        run = self._newest
        if run is None or run.reply is None or run.stream.has_called:
            return None
        words = run.reply.text.split()
        rest = " ".join(words[run.stream.heard_words(run.played_ms) :])
        return Reply(rest, run.reply.calls) if rest or run.reply.calls else None

    @property
    def was_cut_unwritten(self) -> bool:
        """Whether the newest response was cut while its model wrote: what else it would have said is open."""
        run = self._newest
        return run is not None and run.reply is None and run.sentences is not None and run.stream.finished

    @property
    def streaming(self) -> bool:
        """Whether :meth:`draw` has something to give."""
        return any(run.stream.begun for run in self._runs.values())

    def draw(self, step: SessionStep) -> float | None:
        """Give the next batch of every response that has begun.

        Returns how long the answer to the conversation plays, in milliseconds, if it has ended with this batch.
        """
        played_ms = None
        for run in [run for run in self._runs.values() if run.stream.begun]:
            events = run.stream.advance()
            if not run.stream.finished:
                step.events += events
                continue
            self._end(run, events, step)
            if run.stream.config.in_conversation:
                played_ms = run.stream.audio_ms
        return played_ms

    def _answering(self) -> _Run | None:
        run = self._newest
        return run if run is not None and run.stream.id in self._runs else None

    def _end(self, run: _Run, events: list[Event], step: SessionStep) -> None:
        del self._runs[run.stream.id]
        step.events += events
        step.ended.append(run.stream.id)


def _has_sound(words: str) -> bool:
    return any(character.isalnum() for character in words)


def _voice(run: _Run, sentences: SpokenSentences, number: int, sound: bytes) -> None:
    sentences.voice(number, sound)
    if sentences.can_begin and not run.stream.begun:
        run.stream.begin_sentences(sentences)


def _conversation(run: _Run) -> Conversation:
    config = run.stream.config
    return Conversation(
        instructions="\n\n".join(filter(None, (config.instructions, system_text(run.context)))),
        tools=config.tools,
        items=tuple(see(run.context, joins=run.joins)),
        tool_choice=config.tool_choice,
    )


def _shown_tokens(config: ResponseConfig, context: list[ConversationItem]) -> Tokens:
    tools = (text_tokens(orjson.dumps(dict(tool)).decode()) for tool in config.tools)
    return summed([text_tokens(config.instructions), *tools, *(item.tokens() for item in context)])
