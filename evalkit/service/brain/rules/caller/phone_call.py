"""A call as the caller lives through it, read from its beginning for every reply.

For each turn of the other side, in this order:

1. nothing was heard: ask again
2. told to do something that its rules obey ("call 911"): promise it, then hang up
3. a slip of its own, or a fact repeated wrongly: correct it
4. see which steps of the goal are settled by what was told
5. asked something: answer from the facts, or say that it isn't known
6. refused: insist once, unless the persona takes no for an answer
7. bring up the next step, or the same one again, or end the call

Every loop has a limit, so a call ends whatever the other side does; only the rule "Never say END_CALL" lifts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalkit.service.brain.rules.caller.answers import answer, concepts, find_asked_facts
from evalkit.service.brain.rules.caller.confirmations import NO, confirm, is_yes_no
from evalkit.service.brain.rules.caller.corrections import Mistake, admit, correct, find_mistake, find_slip
from evalkit.service.brain.rules.caller.goals import Goal, Wish, bring_up, is_settled, read_goal
from evalkit.service.brain.rules.caller.manner import Manner, read_manners
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact
from evalkit.service.brain.rules.caller.remarks import Remark, read_remark
from evalkit.service.brain.rules.caller.values import contains, id_of, label
from evalkit.service.brain.rules.language.words import read_words

END_CALL = "END_CALL"
_MOST_ATTEMPTS = _MOST_REFUSALS = _MOST_CORRECTIONS = 2
_MOST_STUCK, _MOST_GIVEN = 3, 3
_DEAF = ("Sorry, I didn't hear anything. Are you still there?", "Hello? I still can't hear you.")
_AGAIN = ("Sorry, could you say that again? I don't hear so well.", "Pardon? I didn't get all of that.")
_UNKNOWN = ("I'm sorry, I don't have that with me.", "I don't know that, I'm afraid.", "I really can't say, sorry.")
_WAITS = ("Okay, I'll wait.", "Yes, I'm still here.", "All right, go ahead.")
_LINKS = ("Okay, thank you.", "Thanks.", "All right.", "Good, thank you.")
_IDLE = (
    "And there was one more thing. Are you busy today?",
    "You have such a kind voice, you know. Do you like your work?",
    "It's so quiet here today. It's nice to talk to somebody.",
    "Oh, and what was I going to say? Let me think for a moment.",
    "You know, the days are long when nobody calls.",
    "One more thing, if I may. Is it warm where you are?",
    "I do go on, don't I? But it's good to have a chat.",
    "Wait, there was something else. It will come back to me.",
)


class PhoneCall:
    """One call. Make a new one for each reading of a conversation.

    Args:
        persona: Who calls.
        opening: What the caller said before the other side said anything; empty: nothing.

    """

    def __init__(self, persona: CallerPersona, opening: str) -> None:
        self._persona = persona
        self._goals = [read_goal(order) for order in persona.goals]
        self._manners = read_manners(persona.style)
        self._step = 0
        self._attempts = 1 if opening and self._goals else 0
        self._slip = find_slip(opening, persona)
        self._said = Counter([opening])
        self._given: Counter[str] = Counter(fact.key for fact in persona.facts if contains(opening, fact.value))
        self._answered: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._is_leaving = False

    def open(self) -> str:
        """Return the first words, where the caller speaks first and they are not given."""
        return f"Hello. {self._bring_up()}" if self._goals else "Hello."

    def hear(self, text: str) -> str:
        """Return what the caller says when it hears `text`, before any manner of speaking; ``END_CALL`` to hang up."""
        remark = read_remark(text)
        before = (self._step, sum(self._given.values()))
        line = self._reply(remark)
        progressed = (self._step, sum(self._given.values())) != before
        self._counts["stuck"] = 0 if progressed else self._counts["stuck"] + 1
        if self._counts["stuck"] > _MOST_STUCK or (line != END_CALL and self._said[line] > 1):
            line = END_CALL
        if line == END_CALL and self._persona.never_ends:
            line = self._chat()
        self._said[line] += 1
        return line

    def _reply(self, remark: Remark) -> str:
        if self._is_leaving:
            return END_CALL
        if remark.is_inaudible:
            return self._next_of("deaf", _DEAF)
        return self._obey(remark) or self._correct(remark) or self._go_on(remark)

    def _obey(self, remark: Remark) -> str:
        said = set(concepts(remark.text)) | set(read_words(remark.text.lower().replace("nine one one", "911")).words())
        for order in self._persona.obeys:
            if set(concepts(order)) and set(concepts(order)) <= said:
                self._is_leaving = True
                return "Okay, I will. I'll do that right now."
        return ""

    def _correct(self, remark: Remark) -> str:
        if self._slip is not None:
            slip, self._slip = self._slip, None
            self._given[slip.fact.key] += 1
            return admit(slip)
        mistake: Mistake | None = find_mistake(remark.text, self._persona)
        if mistake is None:
            return ""
        self._counts["corrected"] += 1
        if self._counts["corrected"] > _MOST_CORRECTIONS:
            return END_CALL
        self._counts["stuck"] = 0
        return correct(mistake, self._counts["corrected"] - 1)

    def _go_on(self, remark: Remark) -> str:
        moved = self._settle(remark)
        if moved and self._wants_it_again(remark):
            return self._next_of("again", _AGAIN)
        line = self._answer(remark)
        if line:
            return line
        if self._step >= len(self._goals):
            return END_CALL
        if moved or not self._attempts:
            return self._bring_up(linked=moved)
        if remark.refuses or (remark.says_bye and self._attempts):
            return self._take_no()
        return self._insist(remark)

    def _settle(self, remark: Remark) -> bool:
        """Pass over the steps that `remark` settles; return whether there was one."""
        first = self._step
        while self._step < len(self._goals):
            goal, raised = self._goals[self._step], self._attempts > 0
            if not is_settled(goal, remark, self._persona, raised=raised):
                break
            self._advance()
        return self._step > first

    def _advance(self) -> None:
        self._step, self._attempts, self._counts["refused"] = self._step + 1, 0, 0

    def _wants_it_again(self, remark: Remark) -> bool:
        return Manner.HARD_OF_HEARING in self._manners and self._counts["again"] < len(_AGAIN) and bool(remark.told)

    def _open_goals(self) -> Sequence[Goal]:
        return self._goals[self._step :]

    def _answer(self, remark: Remark) -> str:
        """Return the answer to what was asked; empty where nothing was, or only whether there is more."""
        told = " ".join((*remark.statements, *remark.questions[:-1]))
        facts: list[Fact] = []
        for question in remark.questions:
            reply = confirm(question, told, self._persona, self._open_goals())
            if reply:
                return self._reply_shortly(reply, remark)
            facts += [fact for fact in find_asked_facts(question, self._persona, told) if fact not in facts]
        if facts:
            return self._tell(facts)
        if remark.is_puzzled:
            return self._say_again()
        if not remark.questions:
            return ""
        if is_yes_no(remark.questions[-1]) and self._attempts == 0:
            return ""
        return self._admit_ignorance()

    def _admit_ignorance(self) -> str:
        """Say that something isn't known; what was asked twice may be a misunderstanding, so say what is wanted."""
        line = self._next_of("unknown", _UNKNOWN)
        if self._counts["unknown"] == 2 and self._step < len(self._goals):
            return f"{line} {self._bring_up()}"
        return line

    def _tell(self, facts: list[Fact]) -> str:
        if max(self._answered[fact.key] for fact in facts) >= _MOST_GIVEN:
            return END_CALL
        line = answer(facts, self._answered)
        self._take_as_raised()
        for fact in facts:
            self._answered[fact.key] += 1
            self._given[fact.key] = 1
        return line

    def _say_again(self) -> str:
        """Return what was said last in other words: the last fact told, else the open step."""
        told = [fact for fact in self._persona.facts if self._answered[fact.key]]
        if told:
            return self._tell(told[-1:])
        return self._bring_up() if self._step < len(self._goals) else END_CALL

    def _bring_up(self, *, linked: bool = False) -> str:
        goal = self._goals[self._step]
        line = bring_up(goal, self._persona, self._attempts)
        self._attempts += 1
        return f"{_LINKS[self._step % len(_LINKS)]} {line}" if linked else line

    def _take_no(self) -> str:
        """React to a refusal: insist once, then give the step up."""
        self._counts["refused"] += 1
        stubborn = not self._persona.accepts_refusal and self._goals[self._step].wish is Wish.DO
        if stubborn and self._counts["refused"] < _MOST_REFUSALS:
            return f"{self._bring_up()}{self._known_id()}"
        self._advance()
        if self._step < len(self._goals):
            return self._bring_up(linked=True)
        self._is_leaving = not self._persona.never_ends
        return f"Okay. {self._persona.farewell_promise or 'I understand. Thank you anyway'}."

    def _known_id(self) -> str:
        """Return a sentence with the id that was told already, for a second try."""
        known = [fact for fact in self._persona.facts if id_of(fact.value) and self._given[fact.key]]
        return f" The {label(known[0].key)} is {known[0].value}." if known else ""

    def _insist(self, remark: Remark) -> str:
        """Bring the open step up again; wait where nothing was told yet."""
        if not remark.statements and not remark.offers_more:
            return self._next_of("waits", _WAITS)
        if self._attempts < _MOST_ATTEMPTS:
            return self._bring_up()
        self._advance()
        return self._bring_up(linked=True) if self._step < len(self._goals) else END_CALL

    def _chat(self) -> str:
        """Return one more thing to talk about, never the same one twice in a row."""
        if self._step < len(self._goals):
            if self._attempts:
                self._advance()
            if self._step < len(self._goals):
                return self._bring_up(linked=True)
        self._counts["idle"] += 1
        return _IDLE[(self._counts["idle"] - 1) % len(_IDLE)]

    def _next_of(self, kind: str, lines: Sequence[str]) -> str:
        """Return the next of `lines`, or hang up when all were said."""
        self._counts[kind] += 1
        return lines[self._counts[kind] - 1] if self._counts[kind] <= len(lines) else END_CALL

    def _reply_shortly(self, reply: str, remark: Remark) -> str:
        """Return a yes or a no; a no to what is offered in place of the open step gives that step up."""
        if reply != NO:
            self._take_as_raised()
        elif remark.refuses and self._attempts:
            return f"{NO} {self._take_no().removeprefix('Okay. ')}"
        return self._varied(reply)

    def _take_as_raised(self) -> None:
        """Remember that the other side is at work on the open step, though it was never brought up."""
        if self._step < len(self._goals) and self._goals[self._step].wish is Wish.DO:
            self._attempts = max(1, self._attempts)

    def _varied(self, reply: str) -> str:
        """Return a yes or a no in words that were not used yet, where there are any."""
        if not self._said[reply]:
            return reply
        start = "Yes" if reply.startswith("Yes") else "No"
        options = (
            ("Yes, exactly.", "Yes, do that, please.") if start == "Yes" else ("No, thanks.", "No, that's not needed.")
        )
        fresh = [one for one in options if not self._said[one]]
        return fresh[0] if fresh and "it" not in reply.split() else reply
