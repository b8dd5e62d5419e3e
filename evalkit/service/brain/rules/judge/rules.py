"""The rules: which kinds of criterion can be decided, and how. The first rule that knows a criterion decides it.

A rule is a pattern for a clause of a criterion and a check of the evidence; ``docs/judges.md`` lists them for people.
What no rule knows is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from evalkit.service.brain.rules.judge import courtesy, facts, form, grounding, manners, sayings, sequence, tool_use
from evalkit.service.brain.rules.judge.finding import ClauseFinding, undecided
from evalkit.service.brain.rules.judge.question import Question
from evalkit.service.brain.rules.judge.reading import stem, stems

_SAYS = (
    r"(?:tells?|says?|repeats?|reads?|confirms?|reports?|answers?|states?|mentions?|informs?|gives?|names?|explains?|"
    r"passes on|lets|announces?|quotes?|recites?|is told|are told)"
)


@dataclass(frozen=True)
class CriterionRule:
    """A kind of criterion, and how it is decided. `decide` may decline with None; then the next rule is tried."""

    pattern: re.Pattern[str]
    decide: Callable[[Question, re.Match[str]], ClauseFinding | None]


def apply_rules(question: Question, clause: str) -> ClauseFinding:
    """Return what the first rule that knows `clause` says."""
    for rule in _RULES:
        match = rule.pattern.search(clause)
        if match is not None:
            finding = rule.decide(question, match)
            if finding is not None:
                return finding
    return undecided(f"no rule knows how to check {clause!r}")


def _conditional(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`When the caller asks …, the assistant …`: the rest of the clause, from where the situation occurs."""
    condition = match["condition"]
    if re.search(r"\b(tool|call|system|lookup)\b.*\b(fails?|error|went wrong|goes wrong)", condition, re.IGNORECASE):
        failed = next((line for line in question.of("output") if facts.is_error(line)), None)
        if failed is None:
            return undecided("no tool failed")
        return apply_rules(_from(question, failed.number), match["rest"])
    if manners.is_negated(condition) or not re.search(r"\b(caller|customer)\b", condition, re.IGNORECASE):
        return undecided(f"whether {condition!r} holds is not checked")
    wanted = stems(condition) - {stem(word) for word in ("asks", "says", "wants", "give")}
    for line in question.of("caller"):
        if wanted and len(wanted & stems(line.text)) * 3 >= len(wanted):
            return apply_rules(_from(question, line.number), match["rest"])
    return undecided(f"whether {condition!r} occurred is not clear")


def _denied(_: Question, match: re.Match[str]) -> ClauseFinding:
    """Whatever else must not happen: no rule for what must happen may answer for it."""
    return undecided(f"no rule knows how to check {match.string!r}")


def _from(question: Question, number: int) -> Question:
    return replace(question, lines=tuple(line for line in question.lines if line.number >= number))


def _rule(pattern: str, decide: Callable[[Question, re.Match[str]], ClauseFinding | None]) -> CriterionRule:
    return CriterionRule(re.compile(pattern, re.IGNORECASE), decide)


_NOT = r"(?:never|doesn't|does not|don't|didn't|did not|isn't|won't|at no point)"
_TELL = rf"{_SAYS} (?:back )?(?:to )?(?:the caller |the customer |him |her )?(?:that |about |on )?"
_TOOL_SAID = r"(?:that|which) (?:the |a )?(?:tools?|system) (?:answer|list|gave|return|report|said|found)"
_DONE = r"(?:called|started|made|cancelled|booked|moved|changed|sent|requested)"
_RULES: tuple[CriterionRule, ...] = (
    _rule(r"^(?:if|when|whenever|once) (?P<condition>[^,]+), (?P<rest>.+)", _conditional),
    _rule(
        r"(?:at most|no more than|exactly|only|a single|in one|fewer than|up to).*?\b(?:sentence|question|word)s?\b|"
        r"\blists?\b|\bsymbols?\b|one (?:thing|question) at a time|\bbrief|\bshort (?:sentence|answer)",
        form.decide_form,
    ),
    _rule(
        r"before (?:it|the assistant)? ?(?:calls?|using|doing|does) (?P<event>any ?\w*|a \w+|the \w+)\w*,? "
        r"(?:the assistant |it )?asks? (?:the caller |the customer )?(?:for )?(?P<what>.+)",
        sequence.asks_before,
    ),
    _rule(r"asks? (?:the caller |the customer )?for (?P<what>.+?) before (?P<event>.+)", sequence.asks_before),
    _rule(r"asks? (?P<what>what the caller.*)", sayings.asks),
    _rule(r"(?:assistant|it) (?P<action>.+?) only (?:after|if|once|when) (?P<condition>.+)", sequence.only_after),
    _rule(rf"{_NOT} (?P<action>.+?) (?:before|until|unless|without) (?P<condition>.+)", sequence.only_after),
    _rule(
        r"\b(?:one|two|three|\d+) (?:short )?(?:sentence|question|word)s? (?:only|at most|or (?:less|fewer))",
        form.decide_form,
    ),
    _rule(rf"{_NOT} (?:again )?asks? .*(?:again|already|twice|gave|said)", sayings.asks_again),
    _rule(rf"(?:{_NOT}|without).*\bblam", courtesy.never_blames),
    _rule(r"apologi|says? (?:that )?(?:it is |it's |he is |she is )?sorry|\bregret", courtesy.apologises),
    _rule(r"\bdeclin|\brefus", courtesy.declines),
    _rule(r"ends? the call|says? goodbye|takes? leave", courtesy.ends_politely),
    _rule(
        r"(?:stays?|remains?|keeps?|is|are|speaks?)\b.*\b(?:polite|calm|kind|friendly|patient|courteous|respectful)|"
        rf"{_NOT} (?:become|get|grow|be|make fun|insult|mock|lecture|argue)",
        courtesy.stays_polite,
    ),
    _rule(r"\breveals?\b|\bsecret\b|\bsystem prompt\b|\bits instructions\b", grounding.keeps_secret),
    _rule(
        r"(?:promises?|states?|says?|claims?|tells?|mentions?|adds?|invents?|makes? up) (?:\w+ )?nothing\b|"
        rf"{_NOT} (?:promise|state|claim|invent|make up|add|mention)\w* (?:any|some|facts|details|what)",
        grounding.says_only_grounded,
    ),
    _rule(
        rf"{_NOT} (?:say|claim|impl|pretend|confirm|assert)\w*(?: or \w+)? (?:that |to )?(?P<claim>.+)",
        sayings.never_says,
    ),
    _rule(
        r"(?:says?|tells?|explains?) (?:the caller )?(?:that )?(?:it|he|she|they) "
        r"(?:can't|cannot|can not|is unable|is not able)",
        courtesy.declines,
    ),
    _rule(
        r"calls? no tool|no tool (?:is )?called|without (?:calling|using) (?:a|any) tool|uses? no tool|"
        rf"{_NOT} (?:call|use)s? (?:a|any) tool",
        tool_use.calls_nothing,
    ),
    _rule(rf"{_NOT} asks? (?P<what>.+)", sayings.never_asks),
    _rule(rf"\b{_NOT}\b|\bno longer\b", _denied),
    _rule(r"\b(?P<n>one|two|three|\d|a single|single) (?:tool )?calls?\b", tool_use.call_count),
    _rule(rf"(?P<action>tool|.+?) (?:is|are|was) {_DONE}\b.*?\b(?:with|for|to|on) (?P<value>.+)", tool_use.called_with),
    _rule(
        r"(?P<action>(?:calls?|uses?|looks? up|.+? called) .+?) (?:that|which)? ?the (?:caller|customer) "
        r"(?:gave|said|named|corrected)",
        tool_use.called_with_given,
    ),
    _rule(r"calls? (?P<action>.+?) with (?P<value>.+)", tool_use.called_with),
    _rule(
        r"assistant (?P<first>(?:looks?|checks?|searche?s?|finds?|verif|calls?).+?) before (?P<second>.+)",
        sequence.does_before,
    ),
    _rule(rf"{_SAYS} (?P<claim>.+?) before (?P<event>.+)", sequence.says_before),
    _rule(rf"{_SAYS}\b.*?\b(?P<what>(?:all |every )?(?:the )?[\w ]+?) {_TOOL_SAID}", sayings.tool_values),
    _rule(r"repeats?|reads? back|spells?", sayings.repeats_id),
    _rule(r"(?P<verb>offers|gives|makes) no (?P<what>.+)", courtesy.offers_no),
    _rule(r"offers? (?P<what>.+)", courtesy.offers),
    _rule(rf"{_TELL}(?P<claim>.+)", sayings.says),
    _rule(r"asks? (?:the caller |the customer )?(?:for )?(?P<what>.+)", sayings.asks),
    _rule(r"assistant (?:uses|keeps to|goes (?:on )?with|takes) (?P<value>.+)", tool_use.uses),
    _rule(r"assistant (?P<action>\w+s .+)", tool_use.does_call),
)
