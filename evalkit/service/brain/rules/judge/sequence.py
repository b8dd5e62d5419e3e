"""In which order did things happen? Asked before called, done only after agreed, told before booked."""

from __future__ import annotations

import re

from evalkit.service.brain.rules.judge import actions, facts, manners
from evalkit.service.brain.rules.judge.finding import ClauseFinding, either, met, undecided, unmet
from evalkit.service.brain.rules.judge.question import CallLine, Question
from evalkit.service.brain.rules.judge.reading import sentences, stem, stems, values
from evalkit.service.brain.rules.language.words import word_set


def asks_before(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`asks for X before it calls a tool`: the question comes first."""
    what = match["what"]
    asking = actions.find_asking(what, question.judged("assistant"))
    calls = question.judged("call")
    if match["event"] and "any" not in match["event"]:
        calls = actions.calls_of(question, match["event"]) or calls
    if asking is None:
        return unmet(f"{what!r} is never asked for", *calls[:1])
    if calls and calls[0].number < asking.number and calls[0].turn <= asking.turn:
        return unmet(f"a tool was called before {what!r} was asked for", calls[0], asking)
    return met(f"{what!r} is asked for first", asking, *calls[:1])


def only_after(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`does X only after Y`: no call of X before the caller agreed or asked, no claim of it before a tool succeeded."""
    action, condition = match["action"], match["condition"].lower()
    if re.search(r"tool|call has succeeded|system|succe", condition):
        return _claims_only_after_success(question, action)
    calls = actions.calls_of(question, action)
    if not calls:
        return met("it was never done", *question.judged("assistant")[-1:])
    if re.search(r"agree|confirm|said yes|yes|consent|approv|\bask|want|request", condition):
        if re.search(r"agree|confirm|said yes|yes|consent|approv", condition):
            found = actions.find_agreement(question, action, calls[0].number)
        else:
            found = actions.find_request(question, f"{action} {_wish(condition)}", calls[0].number)
        if found is None:
            return unmet(f"{calls[0].name} was called without the caller's word", calls[0])
        return met("the caller's word came first", found, calls[0])
    return undecided(f"whether {condition!r} held is not checked", *calls[:1])


def _wish(condition: str) -> str:
    """Return what the caller is to ask for, where the condition names it: `one` and `that` stand for the action."""
    named = re.search(r"ask(?:s|ed)? (?:for|to) (.+)", condition)
    return "" if named is None or re.fullmatch(r"(that|it|one|this)\W*", named[1]) else named[1]


def _claims_only_after_success(question: Question, action: str) -> ClauseFinding | None:
    calls = actions.calls_of(question, action) or question.of("call")
    good = [call for call in calls if actions.succeeded(question, call)]
    for line in question.judged("assistant"):
        if _claims_done(line, action) and not any(call.number < line.number for call in good):
            return unmet("success is claimed before any tool reported it", line, *question.of("output")[-1:])
    return met("success is claimed only where a tool reported it", *good[:1], *question.judged("assistant")[-1:])


def _claims_done(line: CallLine, action: str) -> bool:
    """Tell whether the line says that something is done."""
    done = r"\b(done|all set|worked|went through|confirmed|is (now )?|'s |has been |have been |i've |i have )"
    for sentence in sentences(line.text):
        if manners.is_question(sentence) or manners.is_negated(sentence) or manners.is_pending(sentence):
            continue
        if re.search(r"\b(done|all set|it worked|went through)\b", sentence, re.IGNORECASE) or _PARTICIPLE.search(
            sentence
        ):
            return True
        if re.search(done, sentence, re.IGNORECASE) and (stems(action) - _CLAIM_WORDS) & stems(sentence):
            return True
        if re.search(r"\bnow (comes?|arrives?)|\bcomes? on\b|\bwill (now )?(come|arrive)", sentence) and values(
            sentence
        ):
            return True
    return False


_PARTICIPLE = re.compile(
    r"(\b(is|are|was|were|been)|'s) (now )?(booked|moved|cancelled|changed|confirmed|reserved|sent|"
    r"refunded|rescheduled)\b",
    re.IGNORECASE,
)
_CLAIM_WORDS = frozenset(
    stem(word) for word in word_set("confirms says tells claims success that the order appointment")
)


def does_before(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`looks for X before it does Y`: the one call comes before the other."""
    first, second = actions.calls_of(question, match["first"]), actions.calls_of(question, match["second"])
    names = {line.name for line in first} & {line.name for line in second}
    first = [line for line in first if line.name not in names]
    second = [line for line in second if line.name not in names]
    if not first:
        return unmet(f"no tool call for {match['first']!r}", *second[:1]) if second else None
    if second and second[0].number < first[0].number:
        return unmet(f"{second[0].name} was called before {first[0].name}", second[0], first[0])
    return met(f"{first[0].name} was called first", first[0], *second[:1])


def says_before(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`tells X before Y is done`: it is said before the call."""
    said = facts.find_said(match["claim"], question.judged("assistant"))
    calls = actions.calls_of(question, match["event"].replace("anything is", ""))
    if said.met is not True or not calls:
        return said
    early = facts.find_said(
        match["claim"], [line for line in question.judged("assistant") if line.number < calls[0].number]
    )
    return either(early.met, early.reason, *early.lines, calls[0])
