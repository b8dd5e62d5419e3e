"""`local-agent` serves tools it has never seen: eighteen small domains, typed and as a recogniser heard them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalkit.service.brain.conversation import Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.agent import models

DOMAINS = sorted((Path(__file__).parent / "domains").glob("*.json"))
AGENT_FOLDER = Path(models.__file__).parent
FOLDERS = (AGENT_FOLDER, AGENT_FOLDER.parent / "language")
SHIPPED_TOOLS = Path(__file__).parents[5] / "data" / "tools"


def normal(value: Any) -> Any:
    """Return a value as graders compare it: numbers by value, text without case and punctuation, ids without spaces."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return [normal(one) for one in value]
    text = str(value).lower()
    if re.search(r"\d", text) and not re.search(r"[a-z]{4}", text):
        return re.sub(r"[^a-z0-9]", "", text)
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


def call_of(domain: Mapping[str, Any], case: Mapping[str, Any], heard: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return the tool and the arguments that the agent calls for a case."""
    before = [UserTurn(text) if who == "user" else Said(text) for who, text in case.get("before", [])]
    items: list[Item] = [*before, UserTurn(heard)]
    calls = models.MODELS["local-agent"](Conversation(domain["instructions"], domain["tools"], items)).calls
    return (calls[0].name, calls[0].arguments) if calls else (None, {})


@pytest.mark.parametrize("form", ["text", "heard"])
@pytest.mark.parametrize("path", DOMAINS, ids=lambda path: path.stem)
def test_unseen_domains(path: Path, form: str) -> None:
    """At least 80 % right tools (or none where none is due) and 60 % right arguments in every domain."""
    domain = json.loads(path.read_text(encoding="utf-8"))
    tools = arguments = due = 0
    for case in domain["cases"]:
        name, said = call_of(domain, case, case[form])
        tools += name == case["tool"]
        if case["tool"]:
            due += 1
            right = all(key in said and normal(said[key]) == normal(value) for key, value in case["args"].items())
            arguments += name == case["tool"] and right
    assert tools >= 0.8 * len(domain["cases"])
    assert arguments >= 0.6 * due


def test_the_same_conversation_gets_the_same_reply() -> None:
    """Nothing is random and nothing is remembered between calls."""
    domain = json.loads(DOMAINS[0].read_text(encoding="utf-8"))
    conversation = Conversation(domain["instructions"], domain["tools"], [UserTurn(domain["cases"][0]["text"])])
    assert len({repr(models.local_agent(conversation)) for _ in range(3)}) == 1


def test_no_shipped_tool_is_known_by_name() -> None:
    """The agent's code and the lexicon name no tool that we ship."""
    names = [
        tool["name"] for path in SHIPPED_TOOLS.glob("*.json") for tool in json.loads(path.read_text(encoding="utf-8"))
    ]
    source = " ".join(
        path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in folder.iterdir()
        if path.suffix in (".py", ".txt")
    )
    assert names
    assert not [name for name in names if name in source]


def test_all_models_are_offered() -> None:
    """The agent and its known defects go by these names."""
    assert set(models.MODELS) == {
        "local-agent",
        "local-no-tool",
        "local-wrong-tool",
        "local-wrong-args",
        "local-extra-call",
        "local-text-mismatch",
        "local-silent",
        "local-deaf",
        "local-slow-yield",
        "local-yields-to-all",
        "local-eager",
        "local-sluggish",
        "local-talks-over",
        "local-answers-side-speech",
        "local-never-resumes",
    }


def test_the_answer_to_a_question_is_no_new_request() -> None:
    """Asked for the order number of a cancellation, "the order number is …" cancels; it does not look the order up."""
    order = {"properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
    tools = [
        {"name": "get_order_status", "description": "Look up where an order is.", "parameters": order},
        {"name": "cancel_order", "description": "Cancel an order.", "parameters": order},
    ]
    asked = models.local_agent(
        Conversation("", tools, [UserTurn("Hi, I'd like to cancel an order I placed this morning.")])
    )
    items = [UserTurn("Hi, I'd like to cancel an order I placed this morning."), Said(asked.text)]
    reply = models.local_agent(Conversation("", tools, [*items, UserTurn("The order number is 0040318.")]))
    assert [(call.name, dict(call.arguments)) for call in reply.calls] == [("cancel_order", {"order_id": "0040318"})]
