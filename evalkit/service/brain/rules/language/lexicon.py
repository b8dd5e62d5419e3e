"""General English for service calls: which words mean nearly the same, and which mean nothing here.

Tools are matched by the words of their own schemas. What a caller says is often another word for it: "call off" for
cancel, "suitcase" for baggage. Each line of ``ideas.txt`` is one idea and the ways to say it; ideas are shared by all
services (an idea that only one company's tools would need has no place here). A phrase of several words is one way; a
way after ``~`` only hints at the idea, because it is said for many others too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from evalkit.service.brain.rules.language.words import stem, word_set

WEAK = 0.4


NEGATIONS = word_set("not no never without n't cannot none neither nor nobody nothing")
FILLERS = word_set("um uh er erm hmm mm ah oh well like okay ok so")
DETERMINERS = word_set(
    "a an the my our your his her their this that these those some any another each every its many much several both "
    "all enough"
)
PREPOSITIONS = word_set(
    "of in on at to for from with by about into onto over under after before until till between through during "
    "without within near off up down out as than per via around against across behind since"
)
PRONOUNS = word_set(
    "i you he she it we they me him us them myself yourself itself mine yours ours who whom which what that one ones "
    "someone somebody anyone anybody everyone everything something anything nothing there here"
)
_AUXILIARIES = (
    "am is are was were be been being do does did have has had can could will would shall should may might must let "
    "lets i'm i'd i've i'll we're we'd we've we'll it's that's there's you're you've he's she's they're what's "
    "where's who's don't doesn't didn't can't couldn't won't wouldn't isn't aren't wasn't haven't hasn't hadn't "
    "shouldn't let's here's when's how's they've weren't name's number's"
)
AUXILIARIES = word_set(_AUXILIARIES)
_ADVERBS = (
    "please just also too still yet already now then again actually really very maybe perhaps only even back right "
    "away soon later today tonight tomorrow yesterday ago so quite pretty much more most less bit little lot kind "
    "sort currently probably definitely possibly usually always never ever anymore instead otherwise however well "
    "ahead aside"
)
ADVERBS = word_set(_ADVERBS)
CONJUNCTIONS = word_set("and or but because so if when where why how while since although though whether then")
_POLITE = (
    "hi hello hey good morning afternoon evening yes yeah yep sure no nope thanks thank please sorry excuse speaking "
    "bye goodbye okay ok great fine alright right sir madam ma'am"
)
POLITE = word_set(_POLITE)
# Verbs that carry no intent of their own, in the forms callers use.
_LIGHT_VERBS = (
    "want wants wanted wanna need needs needed like liked love wish hope get gets getting got gotten give gives gave "
    "given take takes took taken taking make makes made making put puts go goes going went gone come comes came "
    "coming see sees saw seen look looks looked looking know knows knew tell tells told telling say says said saying "
    "ask asks asked asking think thinks thought try tries tried trying use uses used using help helps helped call "
    "calls called calling find finds found finding keep keeps kept let lets show shows showed wonder wondering "
    "wondered mean means meant buy bought happen happened happening work works working worked bring brings brought "
    "turn turned set start started speak talk send sends sent sending have having run running appreciate prefer "
    "preferred understand guess believe remember forgot feel feels feeling expect expected sign offer hear heard "
    "wait waiting born charge charged call check checking hang hanging change changing called named titled"
)
LIGHT_VERBS = word_set(_LIGHT_VERBS)
_EMPTY_NOUNS = (
    "thing things something anything stuff time moment minute second way question questions number day help lot bit "
    "one kind sort name call line phone please matter information info detail details everything problem today "
    "tomorrow case copy order title item place hold hand list end beginning rest couple dozen few week month year "
    "morning afternoon evening night tonight date id code reference list mind account reason availability stock "
    "price cost"
)
EMPTY_NOUNS = word_set(_EMPTY_NOUNS)
FUNCTION_WORDS = (
    DETERMINERS | PREPOSITIONS | PRONOUNS | AUXILIARIES | ADVERBS | CONJUNCTIONS | POLITE | FILLERS | NEGATIONS
)
# Words of schemas which say how a value is written rather than what it is.
SCHEMA_WORDS = word_set(
    "string number integer value format such as example e.g. eg yyyy mm dd hh iso exactly given digits digit letters "
    "letter characters character caller caller's customer customer's user user's optional required field leading "
    "zeros count if they said whether which one use used using when tool want wants be so must does not data from "
    "for"
)


@dataclass(frozen=True)
class _Way:
    stems: tuple[str, ...]
    idea: str
    strength: float


def _read_ways(table: str) -> dict[str, tuple[_Way, ...]]:
    """Return the ways to say each idea, by their first stem."""
    ways: dict[str, list[_Way]] = {}
    for line in table.splitlines():
        if not line or line.startswith("#"):
            continue
        idea, said = line.split(": ", 1)
        for way in said.split(", "):
            stems = tuple(stem(word) for word in way.removeprefix("~").replace("-", " ").split())
            ways.setdefault(stems[0], []).append(_Way(stems, idea, WEAK if way.startswith("~") else 1.0))
    return {first: tuple(found) for first, found in ways.items()}


_WAYS = _read_ways(files(__package__).joinpath("ideas.txt").read_text(encoding="utf-8"))


@lru_cache(maxsize=4_000)
def weigh_ideas(stems: tuple[str, ...]) -> tuple[Mapping[str, float], ...]:
    """Return for each stem of a text the ideas it says, alone or within a phrase, and how clearly.

    Ideas begin with ``do:`` (an action) or ``on:`` (a thing). Two words may stand inside a phrase ("send the table
    back").
    """
    found: list[dict[str, float]] = [{} for _ in stems]
    for index, word in enumerate(stems):
        for way in _WAYS.get(word, ()):
            for position in _covers(stems, index, way.stems):
                found[position][way.idea] = max(way.strength, found[position].get(way.idea, 0.0))
    return tuple(found)


@lru_cache(maxsize=4_000)
def ideas_of(stems: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    """Return for each stem of a text the ideas that it clearly says."""
    return tuple(frozenset(idea for idea, strength in found.items() if strength > WEAK) for found in weigh_ideas(stems))


def _covers(stems: Sequence[str], index: int, way: tuple[str, ...]) -> tuple[int, ...]:
    positions = [index]
    slack = 2
    for wanted in way[1:]:
        position = positions[-1] + 1
        while position < len(stems) and stems[position] != wanted and slack and stems[position] not in NEGATIONS:
            position, slack = position + 1, slack - 1
        if position >= len(stems) or stems[position] != wanted:
            return ()
        positions.append(position)
    return tuple(positions)
