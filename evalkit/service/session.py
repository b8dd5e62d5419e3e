"""A Realtime session as a state machine without I/O: client events in, server events and work out.

The driver feeds frames to :meth:`Session.receive`, sends the events of each :class:`SessionStep`, does its work, and
reports the results (`heard`, `told`, `thought`, `spoken`, `judged`, `waited`, `failed`). While
:attr:`Session.streaming`, it draws the deltas of responses with :meth:`Session.draw`, one batch at a time, and may feed
other events in between.
Nothing here waits, so a cancel, a commit or an error is answered at once, whatever is under way.

::

    commit ──> Recognise ──> heard ─┐
    response.create ────────────────┴> Think ──> thought ──> Speak ──> spoken ──> draw, draw, … response.done
                                             └─> told ──> Speak ──> spoken ─┘  (a sentence, while others are written)

With turn detection, appended audio is judged (`FindVoice`, `judged`), and turns that begin and end do what a client
does with manual turns: cancel, commit and ask for a response.

A client's mistake is answered by an ``error`` event that names the client's `event_id`; it never ends the session.
"""

from __future__ import annotations

from evalkit.audio.g711 import Pcm
from evalkit.service import client_events
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Reply
from evalkit.service.client_events import Wire
from evalkit.service.events_out import Events, Ids
from evalkit.service.heard_turns import was_heard
from evalkit.service.hearing import Hearing
from evalkit.service.input_buffer import InputBuffer
from evalkit.service.items import ContentPart, ConversationItem, ConversationItems, decode_audio, item_from_wire
from evalkit.service.runs import Runs
from evalkit.service.session_config import ResponseConfig, VoiceLimits, default_session
from evalkit.service.turns.listener import Consequences, Listener
from evalkit.service.turns.manners import manners_of
from evalkit.service.turns.playback import Playback
from evalkit.service.turns.silero import Probabilities
from evalkit.service.work import SessionStep

SESSION_LIFETIME_S = 3600


class Session:
    """One client's session.

    Args:
        model: The model's name.
        salt: What sets this session's ids apart.
        now_s: Unix time, for the session's expiry.
        limits: What the voice can do.
        is_echo: Answer with a tone at once; hear nothing, think nothing.
        counts_tokens: Whether the model's tokens are counted here; False: they are what its own endpoint tells.

    """

    def __init__(
        self,
        *,
        model: str,
        salt: str,
        now_s: int,
        limits: VoiceLimits,
        is_echo: bool = False,
        counts_tokens: bool = True,
    ) -> None:
        self._ids = Ids(salt)
        self._events = Events(self._ids)
        self._conversation_id = self._ids.new("conv")
        self._config = default_session(
            session_id=self._ids.new("sess"), model=model, expires_at_s=now_s + SESSION_LIFETIME_S, limits=limits
        )
        self._items = ConversationItems()
        self._buffer = InputBuffer(keep=not is_echo)
        self._hearing = Hearing(self._ids, self._items, hears_nothing=is_echo)
        self._runs = Runs(self._ids, self._conversation_id, self._items, is_echo=is_echo, counts_tokens=counts_tokens)
        self._playback = Playback()
        self._owes_answer = False
        consequences = Consequences(
            self._interrupt, self._commit, self._answer, self._disregard, self._go_on, self._interject
        )
        manners = None if is_echo else manners_of(model)
        self._listener = Listener(self._ids, self._buffer, self._playback, consequences, manners=manners)
        self._listener.configure(self._config.turn_detection, self._config.input_format)
        self._handlers = {
            "session.update": self._on_session_update,
            "input_audio_buffer.append": self._on_append,
            "input_audio_buffer.commit": self._on_commit,
            "input_audio_buffer.clear": self._on_clear,
            "conversation.item.create": self._on_item_create,
            "conversation.item.delete": self._on_item_delete,
            "conversation.item.retrieve": self._on_item_retrieve,
            "conversation.item.truncate": self._on_item_truncate,
            "response.create": self._on_response_create,
            "response.cancel": self._on_response_cancel,
        }

    def open(self) -> SessionStep:
        """Return the events that greet a client."""
        conversation = {"id": self._conversation_id, "object": "realtime.conversation"}
        created = self._events.make("session.created", session=self._config.wire)
        return SessionStep([created, self._events.make("conversation.created", conversation=conversation)])

    def receive(self, frame: str | bytes) -> SessionStep:
        """Take one frame from the client; never raises for what a client sends."""
        step = SessionStep()
        event: Wire = {}
        try:
            if isinstance(frame, bytes):
                message = "Binary frames are not part of this protocol; send one JSON event per text frame."
                raise BadRequest(message, code="invalid_frame")
            event = client_events.decode(frame)
            self._handlers[client_events.check_event(event)](event, step)
        except BadRequest as refusal:
            event_id = event.get("event_id")
            step.events.append(self._events.error(refusal, event_id if isinstance(event_id, str) else None))
        return step

    def heard(self, ticket: str, text: str) -> SessionStep:
        """Take what was recognised."""
        step = SessionStep()
        if not self._listener.recognised(ticket, text, step):
            item = self._hearing.heard(ticket, text, step)
            self._runs.go_on(step)
            self._listener.understood(item.id, text, step)
        return step

    def not_heard(self, ticket: str, message: str) -> SessionStep:
        """Take it that recognition failed; responses that wait for this audio fail too."""
        step = SessionStep()
        if not self._listener.recognised(ticket, None, step):
            item = self._hearing.not_heard(ticket, message, step)
            self._runs.fail_waiting(item, message, step)
            self._listener.understood(item.id, None, step)
        return step

    def judged(self, ticket: str, probabilities: Probabilities) -> SessionStep:
        """Take how likely it is that somebody speaks, frame by frame."""
        step = SessionStep()
        self._listener.judged(ticket, probabilities, step)
        return step

    def not_judged(self, ticket: str, message: str) -> SessionStep:
        """Take it that nobody can tell whether somebody speaks: turns are detected no longer."""
        step = SessionStep()
        if self._listener.not_judged(ticket):
            refusal = BadRequest(message, code="turn_detection_failed", kind="server_error")
            step.events.append(self._events.error(refusal, None))
        return step

    def waited(self, ticket: str) -> SessionStep:
        """Take it that the time has passed."""
        step = SessionStep()
        self._listener.waited(ticket, step)
        return step

    def told(self, response_id: str, text: str) -> SessionStep:
        """Take the next sentence of a reply that the model is still writing."""
        step = SessionStep()
        self._runs.told(response_id, text, step)
        return step

    def thought(self, response_id: str, reply: Reply) -> SessionStep:
        """Take the model's reply, whole."""
        step = SessionStep()
        self._runs.thought(response_id, reply, step)
        return step

    def spoken(self, response_id: str, pcm: Pcm, rate_hz: int, sentence: int | None = None) -> SessionStep:
        """Take the audio of the reply, or of one `sentence` of it."""
        self._runs.spoken(response_id, pcm, rate_hz, sentence)
        return SessionStep()

    def failed(
        self, response_id: str, message: str, *, code: str = "server_error", kind: str = "server_error"
    ) -> SessionStep:
        """Take it that a response cannot be made; `code` and `kind` are what the protocol calls the reason."""
        step = SessionStep()
        self._runs.fail(response_id, message, step, code=code, kind=kind)
        return step

    @property
    def streaming(self) -> bool:
        """Whether :meth:`draw` has something to give."""
        return self._runs.streaming

    @property
    def detects_turns(self) -> bool:
        """Whether the session decides itself whose turn it is."""
        return self._listener.is_on

    def draw(self) -> SessionStep:
        """Return the next batch of every response that has begun."""
        step = SessionStep()
        played_ms = self._runs.draw(step)
        if step.events:
            self._playback.sent(*self._runs.sent_ms, self._buffer.end)
        if played_ms is not None and self._owes_answer:
            self._answer(step)
        elif played_ms is not None:
            self._listener.answered(played_ms, step)
        return step

    def _on_session_update(self, event: Wire, step: SessionStep) -> None:
        config = self._config.updated(event["session"], has_spoken=self._runs.has_spoken)
        if self._buffer.byte_count and config.input_format is not self._config.input_format:
            message = "The input format cannot change while the input audio buffer holds audio; commit or clear it."
            raise BadRequest(message, code="invalid_value", param="session.audio.input.format")
        self._config = config
        self._listener.configure(config.turn_detection, config.input_format)
        step.events.append(self._events.make("session.updated", session=config.wire))

    def _on_append(self, event: Wire, step: SessionStep) -> None:
        audio = decode_audio(event["audio"], "audio")
        self._buffer.append(audio, self._config.input_format)
        self._runs.follow(self._config.input_format.duration_ms(len(audio)))
        self._listener.hear(audio, step)
        if self.detects_turns and not self._runs.is_answering:
            self._listener.take_up(step)

    def _on_commit(self, _event: Wire, step: SessionStep) -> None:
        taken = self._buffer.take(self._config.input_format)
        self._commit(self._listener.restart() or self._ids.new("item"), taken, step)

    def _on_clear(self, _event: Wire, step: SessionStep) -> None:
        self._buffer.clear()
        self._listener.restart()
        self._runs.follow(None)
        step.events.append(self._events.make("input_audio_buffer.cleared"))

    def _on_item_create(self, event: Wire, step: SessionStep) -> None:
        item = self._made(client_events.read_item(event["item"]))
        if item.type == "function_call_output" and not self._items.called(item.call_id):
            message = f"Tool call ID '{item.call_id}' not found in conversation."
            raise BadRequest(message, code="invalid_tool_call_id", param="item.call_id")
        self._add(item, event.get("previous_item_id"), step)

    def _on_item_delete(self, event: Wire, step: SessionStep) -> None:
        item = self._items.get(event["item_id"], "delete")
        self._items.remove(item)
        step.events.append(self._events.make("conversation.item.deleted", item_id=item.id))

    def _on_item_retrieve(self, event: Wire, step: SessionStep) -> None:
        item = self._items.get(event["item_id"], "retrieve")
        step.events.append(self._events.make("conversation.item.retrieved", item=item.wire(with_audio=True)))

    def _on_item_truncate(self, event: Wire, step: SessionStep) -> None:
        item = self._items.get(event["item_id"], "truncate")
        fields = {"content_index": event["content_index"], "audio_end_ms": event["audio_end_ms"]}
        item.truncate(**fields)
        self._playback.stop(self._buffer.end)
        step.events.append(self._events.make("conversation.item.truncated", item_id=item.id, **fields))

    def _on_response_create(self, event: Wire, step: SessionStep) -> None:
        config = self._config.for_response(event.get("response") or {})
        context = self._conversation() if config.items is None else [self._given(wire) for wire in config.items]
        self._respond(config, context, step)

    def _on_response_cancel(self, event: Wire, step: SessionStep) -> None:
        self._runs.cancel(event.get("response_id"), step)
        if not self._runs.is_answering:
            self._playback.stop(self._buffer.end)

    def _commit(self, item_id: str, taken: tuple[bytes, int], step: SessionStep) -> None:
        audio, byte_count = taken
        self._runs.follow(None)
        if self._items.find(item_id) is not None:  # a client has made an item of the id that was announced
            item_id = self._ids.new("item")
        part = ContentPart("input_audio", None, audio, self._config.input_format, byte_count)
        item = ConversationItem(item_id, "message", role="user", parts=[part])
        fields = {"previous_item_id": self._items.last_id, "item_id": item.id}
        step.events.append(self._events.make("input_audio_buffer.committed", **fields))
        self._add(item, None, step)

    def _answer(self, step: SessionStep) -> None:
        """Answer the conversation because a turn has ended; an error tells that another answer is under way."""
        self._owes_answer = self._runs.is_interjecting
        if self._owes_answer:
            return
        try:
            self._respond(self._config.for_response({}), self._conversation(), step)
        except BadRequest as refusal:
            step.events.append(self._events.error(refusal, None))

    def _interrupt(self, step: SessionStep) -> bool:
        """End the answer under way because somebody speaks; return whether any of it was heard."""
        now = self._buffer.end
        was_heard = self._playback.is_playing(now) or self._runs.is_resuming
        self._runs.interrupt(step, self._playback.played_ms(now))
        self._playback.stop(now)
        self._owes_answer = False
        return was_heard

    def _disregard(self, item_id: str) -> None:
        item = self._items.find(item_id)
        if item is not None:
            item.is_aside = True

    def _go_on(self, resumes: bool, step: SessionStep) -> None:
        """Say what was not heard of the answer that was cut, or answer what has no answer, if either is there."""
        if self._runs.is_answering:
            return
        reply = self._runs.unsaid() if resumes else None
        conversation = self._conversation()
        if reply is not None:
            self._respond(self._config.for_response({}), conversation, step, reply)
        elif conversation and (conversation[-1].role == "user" or (resumes and self._runs.was_cut_unwritten)):
            self._answer(step)

    def _interject(self, text: str, step: SessionStep) -> None:
        """Say `text` unless the model speaks, or is about to."""
        if not (self._runs.is_answering or self._playback.is_playing(self._buffer.end)):
            config, conversation = self._config.for_response({}), self._conversation()
            self._respond(config, conversation, step, Reply(text), is_interjection=True)

    def _respond(
        self,
        config: ResponseConfig,
        context: list[ConversationItem],
        step: SessionStep,
        reply: Reply | None = None,
        *,
        is_interjection: bool = False,
    ) -> None:
        joins = self.detects_turns and config.items is None
        self._runs.create(config, context, step, joins=joins, reply=reply, is_interjection=is_interjection)
        if config.in_conversation:
            self._listener.busy(answers=reply is None)
        for item in context:
            self._hearing.listen(item, None, step, trims=self.detects_turns)

    def _conversation(self) -> list[ConversationItem]:
        return [item for item in self._items if was_heard(item) or not self.detects_turns]

    def _made(self, wire: Wire) -> ConversationItem:
        return item_from_wire(wire, self._ids.new("item"), self._ids.new("call"), self._config.input_format)

    def _given(self, wire: Wire) -> ConversationItem:
        return self._items.get(wire["id"], "reference") if wire["type"] == "item_reference" else self._made(wire)

    def _add(self, item: ConversationItem, after: str | None, step: SessionStep) -> None:
        previous = self._items.insert(item, after)
        for event_type in ("conversation.item.added", "conversation.item.done"):
            step.events.append(self._events.make(event_type, previous_item_id=previous, item=item.wire()))
        self._hearing.listen(item, self._config.transcription_model, step, trims=self.detects_turns)
