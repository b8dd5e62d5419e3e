"""How the agent says things: before a call, when something is missing, and what a tool answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from evalkit.service.brain.rules.agent.fields import Field, Kind, Tool
from evalkit.service.brain.rules.language.lexicon import ideas_of
from evalkit.service.brain.rules.language.words import split_name, stem, word_set

_LOOKUPS = frozenset({"do:lookup", "do:search", "do:status", "do:balance", "do:price", "do:stock"})
_MESSAGE_KEYS = ("message", "summary", "detail", "description", "text")
_ERROR_KEYS = ("error", "errors", "error_message", "failure", "reason_for_failure")
_BAD = re.compile(
    r"\b(?:unsupported|error|failed|failure|not found|invalid|denied|rejected|unavailable|timed? ?out|unknown)\b",
    re.IGNORECASE,
)
_SILENT_KEYS = word_set("success ok status_code code request_id trace_id")
_ABBREVIATIONS = {
    "eta": "estimated arrival",
    "id": "number",
    "dob": "date of birth",
    "qty": "quantity",
    "num": "number",
    "pnr": "booking reference",
    "kg": "in kilograms",
}


def preamble(names: Sequence[str]) -> str:
    """Return what is said before the tools `names` are called."""
    actions = {idea for ideas in ideas_of(tuple(stem(word) for word in split_name(names[0]))) for idea in ideas}
    if "do:talk" in actions and not actions & {"do:lookup"}:
        return "Of course, one moment please."
    if actions & _LOOKUPS:
        return "One moment, let me look that up."
    return "Sure, one moment, I'll take care of that."


def label(field: Field) -> str:
    """Return a field's name as spoken."""
    words = [_ABBREVIATIONS.get(word, word) for word in field.words]
    if len(words) > 1 and words[-1] == "number" and words[-2] == "number":
        words.pop()
    if field.kind is Kind.DATE and not {"date", "day"} & set(field.words):
        words.append("date")
    if field.kind is Kind.COUNT and words[0] != "number" and words[-1].endswith("s"):
        words[:0] = ["number", "of"]
    return " ".join(words)


def _choice_question(field: Field) -> str:
    name = label(field)
    options = [" ".join(split_name(str(value))) for value in field.schema.get("enum", ()) if value is not None]
    asked = f"Which {name} is it"
    if field.words[:1] in (("from",), ("to",)) and len(field.words) > 1:
        asked = f"Which {' '.join(field.words[1:])} should it {'come from' if field.words[0] == 'from' else 'go to'}"
    return f"{asked}: {', '.join(options[:-1])} or {options[-1]}?" if 1 < len(options) <= 5 else f"{asked}?"


def question(field: Field) -> str:
    """Return how to ask for `field`."""
    name = label(field)
    if (field.kind is Kind.TEXT and "reason" in field.words) or name == "reason":
        return "May I ask what the reason is?"
    if field.kind is Kind.CHOICE:
        return _choice_question(field)
    asked = {
        Kind.FLAG: f"One question: {name}, yes or no?",
        Kind.DATE: "For which date?" if name in ("date", "day") else f"What is the {name}, please?",
        Kind.TIME: "At what time?" if name == "time" else f"What is the {name}, please?",
        Kind.COUNT: f"What is the {name}, please?",
        Kind.PERSON: "What is the full name, please?" if name in ("name", "full name") else "",
    }
    return asked.get(field.kind) or f"Could you tell me the {name}, please?"


def ask_for(missing: Sequence[Field], *, began_earlier: bool, misheard: bool) -> str:
    """Return the question for the first missing field, naming a second one where there are just two."""
    if misheard:
        return (
            f"I'm sorry, I didn't get the {label(missing[0])} right. Could you say it again, one character at a time?"
        )
    opening = "Thank you." if began_earlier else "Sure, I can help with that."
    if len(missing) == 2 and all(field.kind not in (Kind.CHOICE, Kind.FLAG) for field in missing):
        return f"{opening} Could you tell me the {label(missing[0])} and the {label(missing[1])}, please?"
    return f"{opening} {question(missing[0])}"


def ask_half(clock: str) -> str:
    """Return the question which half of the day a time such as "8:15" is in."""
    return f"Sure. Is that {clock} in the morning, or in the evening?"


def report(name: str, output: str) -> str:
    """Return a tool's answer as a sentence; an apology where it says that something went wrong."""
    data = _read(output)
    problem = _problem(data)
    if problem == "unsupported":
        return f"I'm sorry, but I can't {_spoken_name(name)} at the moment."
    if problem is not None:
        return f"I'm sorry, that didn't work. {_sentence(problem)}".strip()
    return _told(data) or "That's done."


def _read(output: str) -> Any:
    """Return what a tool's answer says; frameworks that get it over MCP pass it on as JSON within JSON."""
    try:
        data = _without_envelope(orjson.loads(output))
    except orjson.JSONDecodeError:
        return output.strip()
    return _read(data) if isinstance(data, str) and data[:1] in ("{", "[") else data


def _without_envelope(data: Any) -> Any:
    """Return what stands in MCP's ``CallToolResult``, list of contents or ``TextContent``; anything else as it is."""
    if isinstance(data, Mapping):
        if data.get("type") == "text" and isinstance(data.get("text"), str):
            return data["text"]
        if "isError" in data and (data.get("structuredContent") or isinstance(data.get("content"), list)):
            return data.get("structuredContent") or _without_envelope(data["content"])
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], Mapping) and data[0].get("type") == "text":
        return _without_envelope(data[0])
    return data


def _spoken_name(name: str) -> str:
    return " ".join(split_name(name)) or "do that"


def _problem(data: Any) -> str | None:
    """Return what went wrong according to a tool's output, "unsupported", or None where nothing did."""
    if isinstance(data, str):
        return data if data and _BAD.search(data) and len(data) < 200 else None
    if not isinstance(data, Mapping):
        return None
    status = str(data.get("status", ""))
    if "unsupported" in status.lower():
        return "unsupported"
    for key in _ERROR_KEYS:
        if data.get(key):
            return _plain(data[key])
    if data.get("success") is False or data.get("ok") is False or status.lower() in ("error", "failed", "failure"):
        return next((_plain(data[key]) for key in (*_MESSAGE_KEYS, "reason") if data.get(key)), "")
    return None


def _told(data: Any) -> str:
    if isinstance(data, Mapping):
        message = next((data[key] for key in _MESSAGE_KEYS if isinstance(data.get(key), str)), "")
        facts = [
            _fact(key, value)
            for key, value in data.items()
            if value not in (None, "", [], {}) and key not in _SILENT_KEYS and value != message
        ]
        return " ".join(part for part in (_sentence(message), *(_sentence(fact) for fact in facts)) if part)
    return _sentence(_plain(data))


def _fact(key: str, value: Any) -> str:
    name = " ".join(_ABBREVIATIONS.get(word, word) for word in split_name(str(key)))
    if value is True:
        return f"{name}: yes"
    if value is False:
        return f"{name}: no"
    if isinstance(value, list):
        return f"the {name} {'are' if len(value) > 1 else 'is'} {_plain(value)}"
    if isinstance(value, Mapping):
        return f"{name}: {_plain(value)}"
    plural = name.endswith("s") and not name.endswith(("ss", "us"))
    return f"the {name} {'are' if plural else 'is'} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        parts = [_plain(one) for one in value]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{' '.join(split_name(str(key)))} {_plain(one)}" for key, one in value.items())
    text = str(value)
    match = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2}).*)?", text)
    if match:
        return _spoken_date(match)
    return text.replace("_", " ")


def _spoken_date(match: re.Match[str]) -> str:
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return match.group()
    text = f"{day:%B} {day.day}, {day.year}"
    return f"{text} at {match[4]}" if match[4] else text


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else text + "."


def abilities(tools: Sequence[Tool]) -> str:
    """Return what the agent can help with, in a few words taken from its tools."""
    names = [_ability(tool) for tool in tools[:3]]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}, or {names[-1]}"


def _ability(tool: Tool) -> str:
    """Return the opening of a tool's description where it is a short order ("Cancel an order"), else its name."""
    opening = re.split(r"[.,:;(]", tool.description)[0].strip()
    words = opening.split()
    ordering = bool(words) and not words[0].lower().endswith("s") and words[0].lower() != "use"
    if ordering and 2 < len(words) <= 12 and any(idea.startswith("do:") for idea in ideas_of((stem(words[0]),))[0]):
        return opening[0].lower() + opening[1:]
    return _spoken_name(tool.name)
