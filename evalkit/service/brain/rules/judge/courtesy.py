"""How did the assistant treat the caller? Apologies, refusals, blame, offers."""

from __future__ import annotations

import re

from evalkit.service.brain.rules.judge import manners
from evalkit.service.brain.rules.judge.finding import ClauseFinding, either, met, undecided, unmet
from evalkit.service.brain.rules.judge.question import Question
from evalkit.service.brain.rules.judge.reading import sentences, stems


def apologises(question: Question, _: re.Match[str]) -> ClauseFinding:
    """`apologises`: in words that are not turned against the caller."""
    lines = question.judged("assistant")
    found = manners.find_apology(lines)
    return either(
        found is not None, "there is " + ("an apology" if found else "no apology to the caller"), found, *lines[-1:]
    )


def declines(question: Question, match: re.Match[str]) -> ClauseFinding:
    """`declines politely`: says that it can't, and isn't rude about it."""
    lines = question.judged("assistant")
    rude, refusal = manners.find_rudeness(lines), manners.find_refusal(lines)
    if rude is not None and "polite" in match.string + " kind":
        return unmet("it is rude", rude)
    return either(refusal is not None, "it declines" if refusal else "it doesn't decline", refusal, *lines[-1:])


def never_blames(question: Question, _: re.Match[str]) -> ClauseFinding:
    """`never blames the caller`."""
    blame = manners.find_blame(question.judged("assistant"))
    return either(
        blame is None,
        "the caller is blamed" if blame else "nobody is blamed",
        blame,
        *question.judged("assistant")[-1:],
    )


def stays_polite(question: Question, _: re.Match[str]) -> ClauseFinding:
    """`stays calm, polite, kind`: nothing rude is said."""
    lines = question.judged("assistant")
    rude, kind = manners.find_rudeness(lines), manners.find_kindness(lines)
    if rude is None and kind is None:
        return undecided("nothing rude is said, and nothing that shows kindness", *lines[-1:])
    return either(rude is None, "it is rude" if rude else "polite words, and nothing rude", rude or kind)


def ends_politely(question: Question, _: re.Match[str]) -> ClauseFinding:
    """`ends the call politely`: the last words hold a polite phrase."""
    last = question.judged("assistant")[-1:]
    kind = manners.find_kindness(last) and not manners.find_rudeness(last)
    return either(bool(kind), "the last words are " + ("polite" if kind else "not polite"), *last)


def offers(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`offers X or Y`: a sentence that offers speaks of one of them."""
    lines = question.judged("assistant")
    options = [part for part in re.split(r", (?:or )?| or ", match["what"]) if part.strip()]
    for line in lines:
        for sentence in sentences(line.text):
            if not manners.is_offer(sentence):
                continue
            if any(_is_about(option, sentence) for option in options):
                return met(f"{sentence!r} offers it", line)
    return unmet("nothing of the kind is offered", *lines[-1:])


def offers_no(question: Question, match: re.Match[str]) -> ClauseFinding:
    """`offers no X`: no sentence that offers speaks of it."""
    if match["verb"].lower() != "offers":
        return undecided(f"whether something is {match['what']} is not checked")
    offered = stems(match["what"])
    for line in question.judged("assistant"):
        for sentence in sentences(line.text):
            if manners.is_offer(sentence) and offered & stems(sentence) and not manners.is_negated(sentence):
                return unmet(f"{sentence!r} offers it", line)
    return met("nothing of the kind is offered", *question.judged("assistant")[-1:])


def _is_about(option: str, sentence: str) -> bool:
    if re.search(r"another way|other way|alternative|help|something else", option):
        return True
    wanted = stems(option)
    return bool(wanted) and len(wanted & stems(sentence)) * 2 >= len(wanted)
