"""What in an utterance could fill a field that has no form: a person, a place, a thing, a few words, a list of them."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from evalkit.service.brain.rules.agent.candidates import (
    Candidate,
    description_stems,
    field_ideas,
    field_stems,
    label_score,
)
from evalkit.service.brain.rules.agent.fields import Field, Kind
from evalkit.service.brain.rules.language.dates import MONTHS, WEEKDAYS
from evalkit.service.brain.rules.language.lexicon import (
    DETERMINERS,
    EMPTY_NOUNS,
    FUNCTION_WORDS,
    LIGHT_VERBS,
    PREPOSITIONS,
    ideas_of,
)
from evalkit.service.brain.rules.language.numbers import read_number
from evalkit.service.brain.rules.language.phrases import Chunk, chunks, lead
from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import Span, SpokenText, stem, word_set

_NAMINGS = (
    "my name is|my name's|name is|the name is|name's|names|this is|i'm|i am|under the name|under the name of"
    "|in the name of|under|name|called|it's|speaking with"
)
_OWN_NAME = tuple(tuple(phrase.split()) for phrase in _NAMINGS.split("|"))
_NAMED_SELF = 9
_TITLES = word_set("dr doctor mr mrs ms miss professor")
_KIN = word_set("daughter son wife husband mother father friend colleague mom dad brother sister partner landlord")
_BECAUSE = re.compile(
    r"\b(?:because|since|the reason is(?: that)?|reason:?|due to|as in)\s+(?P<rest>[^.?!]+)", re.IGNORECASE
)
_SAYING = re.compile(
    r"\b(?:that says|saying|tell (?:him|her|them)(?: that)?|the message is|say(?:s)? that)\s+(?P<rest>[^.?!]+)",
    re.IGNORECASE,
)
_LEAD_INS = re.compile(
    r"^(?:(?:yes|yeah|sure|okay|ok|well|um|uh|so|oh|hi|hello|it's|it is|that's|that would be|that is|the|my name is"
    r"|my name's|name is|this is|i'm|i am|for|to|from|in|at|please|make it|let's say|because|i want|i'd like|i need"
    r"|a|an|my|is)\b[\s,]*)+",
    re.IGNORECASE,
)


def name_candidates(field: Field, reading: Reading, tool_stems: frozenset[str]) -> list[Candidate]:
    """Return the candidates for a field without a form; `tool_stems` are the words of its tool's name."""
    if field.kind is Kind.PERSON:
        return _persons(field, reading)
    if field.kind is Kind.PLACE:
        return _places(field, reading, tool_stems)
    if field.kind is Kind.TEXT:
        return _texts(field, reading)
    if field.kind is Kind.THING:
        return _things(field, reading, tool_stems)
    return []


def whole_answer(said: SpokenText) -> str:
    """Return an answer to a question without its lead-in: "It's the blue one, please." is "blue one"."""
    text = _LEAD_INS.sub("", said.text).strip(" .,!?")
    return re.sub(r"[\s,]+(?:please|thanks|thank you)$", "", text, flags=re.IGNORECASE)


def _before(said: SpokenText, start: int, phrase: tuple[str, ...]) -> bool:
    return tuple(said.words(start - len(phrase), start)) == phrase and start >= len(phrase)


def _persons(field: Field, reading: Reading) -> list[Candidate]:
    said = reading.said
    spelled = _spelled_names(reading)
    found = []
    for chunk in reading.names:
        start, text = chunk.start, chunk.text
        titled = said.word(start) in _TITLES
        if (said.word(start) in ("name", "names", "name's") and chunk.end - start > 1) or (
            titled and chunk.end - start > 1 and not set(field.words) & {"doctor", "provider", "physician"}
        ):
            start, text = start + 1, said.said(start + 1, chunk.end)
        score = _person_score(field, said, chunk) + (0.6 if len(reading.names) == 1 and field.required else 0.0)
        found.append(Candidate(_as_spelled(text, spelled), start, chunk.end, score))
    found = [one for one in found if one.score > 1]
    if spelled and not found and _is_about_a_name(said, spelled):
        return [Candidate(" ".join(one.value for one in spelled), spelled[0].start, spelled[-1].end, 2.2)]
    return found


_FEWEST_LETTERS = 3
_SPELLED_ALIKE = 50


def _spelled_names(reading: Reading) -> list[Span]:
    """Return what was spelled letter by letter, a name for each stretch up to a pause: "K A R E N, W H I T E"."""
    found: list[Span] = []
    for run in reading.ids:
        if not all(len(one.text) == 1 and one.text.isalpha() for one in run.elements):
            continue
        pauses = [place for place, one in enumerate(run.elements) if one.pause and place]
        starts = [0, *pauses] if len(pauses) < len(run.elements) - 1 else [0]
        for start, end in zip(starts, [*starts[1:], len(run.elements)], strict=True):
            letters = run.elements[start:end]
            if len(letters) >= _FEWEST_LETTERS:
                word = "".join(one.text for one in letters).capitalize()
                found.append(Span(letters[0].start, letters[-1].end, word))
    return found


def _is_about_a_name(said: SpokenText, spelled: list[Span]) -> bool:
    """Tell whether letters spell a name and no code: it is called so, or nothing else is said."""
    rest = {token.word for place, token in enumerate(said.tokens) if not any(o.start <= place < o.end for o in spelled)}
    return bool(rest & _CALLED_A_NAME) or rest <= FUNCTION_WORDS


_CALLED_A_NAME = word_set("name name's spelled spelt spell")


def _as_spelled(name: str, spelled: list[Span]) -> str:
    """Return a name as it was spelled: of its words those that are written much like what was spelled give way."""
    words = name.split()
    for one in spelled:
        alike = [fuzz.ratio(word.lower(), one.value.lower()) for word in words]
        if max(alike) >= _SPELLED_ALIKE:
            words[alike.index(max(alike))] = one.value
    return " ".join(words)


_CALLERS = word_set(
    "owner customer caller guest patient holder member applicant your my user policyholder tenant resident"
)
_OTHERS = word_set(
    "pet dog cat child driver recipient spouse friend additional second beneficiary animal student contact emergency"
)


def _household_score(field: Field, said: SpokenText, start: int) -> float:
    """Tell the caller's name from that of a child, a pet or a driver: "his name is …", "I'm …"."""
    caller = bool(set(field.words) & _CALLERS) and not set(field.words) & _OTHERS
    other = bool(set(field.words) & _OTHERS)
    if said.word(start - 3) in _THEIRS or said.word(start - 2) in _THEIRS:
        return 1.5 * other - 1.5 * caller
    if said.word(start - 1) == "i'm" or said.word(start - 3) == "my":
        return 1.0 * caller - 1.5 * other
    return 0.0


_THEIRS = word_set("his her its their")


def _person_score(field: Field, said: SpokenText, chunk: Chunk) -> float:
    first, start = said.word(chunk.start), chunk.start
    words = chunk.end - start
    score = 0.8 + 0.5 * (words in (2, 3)) - 0.5 * (words > 3) + _household_score(field, said, start)
    doctor = bool(
        set(field.words) & {"doctor", "provider", "physician", "dentist", "stylist", "trainer", "therapist", "teacher"}
    )
    if first in _TITLES or said.word(start - 1) in _TITLES:
        return score + (2.5 if doctor or first not in ("dr", "doctor") else -1)
    leading = said.word(start - 1)
    if any(_before(said, start, phrase) for phrase in _OWN_NAME):
        named = any("name" in word for word in said.words(start - 4, start))
        return score + (0 if doctor else 2.5 if named else 1.2 + 0.8 * (words == 2))
    if doctor:
        return score + (2 if leading == "with" else -1)
    if "author" in field.words:
        return score + (2.5 if leading in ("by", "author") else -1)
    if leading in ("for", "to", "of", "and", "by") or leading in _KIN or said.gap(start).strip() == ",":
        score += 1.2 if leading != "to" or set(field.words) & {"payee", "recipient", "to"} else 0.2
    return score + 0.6 * label_score(field, said, start)


_PLACE_LEADS = word_set("from to in at near")
_SITES = word_set("airport station university hospital mall terminal beach downtown harbor island hotel square")


def _places(field: Field, reading: Reading, tool_stems: frozenset[str]) -> list[Candidate]:
    said = reading.said
    found = []
    for chunk in reading.names:
        leading = lead(said, chunk.start)
        score = 1.5 + (1.0 if leading in ("from", "to", "in", "at", "near", "into", "for", "of", "around") else 0)
        if any(_before(said, chunk.start, phrase) for phrase in _OWN_NAME[:_NAMED_SELF]):
            score -= 1.5
        end = chunk.end + (said.word(chunk.end) in _SITES and said.gap(chunk.end) == " ")
        text = said.said(chunk.start, end)
        score += 0.4 * label_score(field, said, chunk.start)
        found.append(Candidate(text, chunk.start, end, score))
    covered = [Span(chunk.start, chunk.end, None) for chunk in reading.names]
    found += [
        Candidate(chunk.text, chunk.start, chunk.end, 1.2 + 0.4 * label_score(field, said, chunk.start))
        for chunk in _open_chunks(reading, tool_stems)
        if lead(said, chunk.start) in _PLACE_LEADS and not _overlaps(chunk, covered) and not _empty(chunk, said)
    ]
    return found


def _overlaps(chunk: Chunk, spans: list[Span]) -> bool:
    return any(chunk.start < span.end and span.start < chunk.end for span in spans)


def _empty(chunk: Chunk, said: SpokenText) -> bool:
    return all(word in EMPTY_NOUNS or word in FUNCTION_WORDS for word in said.words(chunk.start, chunk.end))


def _open_chunks(reading: Reading, tool_stems: frozenset[str]) -> list[Chunk]:
    return chunks(reading.said, reading.taken, tool_stems)


def _texts(field: Field, reading: Reading) -> list[Candidate]:
    said = reading.said
    for pattern, wanted in ((_BECAUSE, True), (_SAYING, "message" in field.words)):
        match = pattern.search(said.text)
        if match and wanted:
            start = next(i for i, token in enumerate(said.tokens) if token.start >= match.start("rest"))
            return [Candidate(match.group("rest").strip(" ,"), start, start, 3)]
    match = _LOOKS.search(said.text) if "description" in field.words else None
    if match:
        start = next(i for i, token in enumerate(said.tokens) if token.start >= match.start("rest"))
        return [Candidate(match.group("rest").strip(), start, start, 2.6)]
    return []


_LOOKS = re.compile(
    r"\b(?:it's|it is|it was|it looks like|they're|looks like|is) (?:a|an|like) (?P<rest>[^.?!,]+)", re.IGNORECASE
)


def _things(field: Field, reading: Reading, tool_stems: frozenset[str], floor: float = 0.8) -> list[Candidate]:
    said = reading.said
    proper = [Span(chunk.start, chunk.end, None) for chunk in reading.names]
    options = [chunk for chunk in _open_chunks(reading, tool_stems) if not _overlaps(chunk, proper)]
    found = []
    for chunk in (*(_with_its_noun(chunk, said, tool_stems) for chunk in reading.names), *options):
        trimmed = _trim(field, chunk, said, tool_stems)
        if trimmed:
            found.append(_thing(field, reading, trimmed, tool_stems))
    return [one for one in found if one.score > floor]


_ORIGIN = re.compile(r"\w{2,}(?:ese|ian|ish|ican|erman|rench|utch|wiss|reek)", re.IGNORECASE)


def _with_its_noun(chunk: Chunk, said: SpokenText, tool_stems: frozenset[str]) -> Chunk:
    """Return a name that only says where a thing is from with the thing: a Japanese maple, an Italian coffee maker."""
    end = chunk.end
    if chunk.end - chunk.start == 1 and _ORIGIN.fullmatch(chunk.text):
        while (
            said.gap(end) == " "
            and said.word(end) not in FUNCTION_WORDS | LIGHT_VERBS
            and said.tokens[end].stem not in tool_stems
        ):
            end += 1
    return Chunk(chunk.start, end, said.said(chunk.start, end), chunk.proper)


_TRAILING = word_set("cost costs price stock please thanks right")


def _trim(field: Field, chunk: Chunk, said: SpokenText, tool_stems: frozenset[str]) -> Chunk | None:
    """Cut the tool's own nouns off a phrase: "my lisinopril prescription" is about lisinopril."""
    start, end = chunk.start, chunk.end
    own = field_stems(field)
    while end - start > 1 and (said.tokens[end - 1].stem in tool_stems - own or said.word(end - 1) in _TRAILING):
        end -= 1
    while (
        end - start > 1 and said.tokens[start].stem in own and not chunk.proper and said.word(start) not in DETERMINERS
    ):
        start += 1
    while end > start and not chunk.proper and (said.word(start) in DETERMINERS or read_number(said, start)):
        start += 1
    while end > start and said.word(end - 1) in MONTHS.keys() | WEEKDAYS.keys():
        end -= 1
    if "title" in field.words and not chunk.proper and said.word(start - 1) == "the" and end > start:
        start -= 1
    return Chunk(start, end, said.said(start, end), chunk.proper) if end > start else None


_POINTERS = word_set(
    "of for about have need want like find get got order have take try prefer called named titled some any more buy see"
)


def _thing(field: Field, reading: Reading, chunk: Chunk, tool_stems: frozenset[str]) -> Candidate:
    said = reading.said
    tokens = said.tokens[chunk.start : chunk.end]
    own, told = field_stems(field), description_stems(field)
    about = frozenset(idea for idea in field_ideas(field) if idea.startswith("on:"))
    score = 0.0
    if chunk.proper:
        score += 1.5 - (1.5 if any(_before(said, chunk.start, phrase) for phrase in _OWN_NAME[:_NAMED_SELF]) else 0)
    leading = lead(said, chunk.start)
    score += 1.0 if leading in _POINTERS or stem(leading) in tool_stems else 0.3 if leading in PREPOSITIONS else 0
    if not chunk.proper and chunk.end < len(said.tokens) and said.tokens[chunk.end].stem in tool_stems - own:
        score += 0.8
    if said.word(chunk.start - 1) == "the" and "," in said.gap(chunk.start - 1) and chunk.start > 2:
        score += 1.2
    if said.word(chunk.start - 1) in ("called", "named", "titled", "entitled"):
        score += 2
    score += 0.7 * label_score(field, said, chunk.start)
    score += 0.6
    fresh = [token for token in tokens if token.word not in EMPTY_NOUNS and token.stem not in tool_stems]
    if not fresh or all(token.stem in own for token in tokens):
        return Candidate(chunk.text, chunk.start, chunk.end, 0)
    score += 0.3 * min(len(fresh), 3)
    if len(tokens) > 1 and tokens[-1].stem in own:
        score += 1.5
    if any(token.stem in told or ideas_of((token.stem,))[0] & about for token in tokens):
        score += 0.5
    if len(tokens) == 1 and any(idea.startswith("do:") for idea in ideas_of((tokens[0].stem,))[0]):
        score -= 1.0
    known = sum(token.stem in _COMMON for token in tokens)
    return Candidate(chunk.text, chunk.start, chunk.end, score - 0.5 * known)


_COMMON = frozenset(stem(word) for word in EMPTY_NOUNS | LIGHT_VERBS)


def listed(field: Field, reading: Reading, tool_stems: frozenset[str]) -> list[Candidate]:
    """Return the phrases of the best list in the utterance: "a club sandwich and a coke"."""
    item = field.parts[0]
    found = sorted(_things(item, reading, tool_stems), key=lambda one: -one.score)
    if not found:
        return []
    every = sorted(_things(item, reading, tool_stems, floor=0.2), key=lambda one: one.start)
    members = [found[0]]
    for one in every:
        if one.start >= members[-1].end and _coordinated(reading.said, members[-1].end, one.start):
            members.append(one)
    for one in reversed(every):
        if one.end <= members[0].start and _coordinated(reading.said, one.end, members[0].start):
            members.insert(0, one)
    return members


def _coordinated(said: SpokenText, end: int, start: int) -> bool:
    between = said.words(end, start)
    joined = "," in said.gap(start) or "," in said.gap(end) or bool({"and", "or", "with", "plus"} & set(between))
    return joined and all(
        word in DETERMINERS | {"and", "or", "with", "plus", "some", "also", "two", "three"} or word.isdigit()
        for word in between
    )
