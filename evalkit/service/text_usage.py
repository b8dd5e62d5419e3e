"""Tokens of what models are asked and say in text, for both text APIs, and where a reply ends that is too long."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Reply, Said, UserTurn
from evalkit.service.token_usage import BYTES_PER_TOKEN, Tokens, summed, text_tokens


def shown_tokens(conversation: Conversation) -> Tokens:
    """Return what the model was shown: instructions, tools and all items."""
    tools = (text_tokens(orjson.dumps(dict(tool)).decode()) for tool in conversation.tools)
    return summed(
        [text_tokens(conversation.instructions), *tools, *(_item_tokens(item) for item in conversation.items)]
    )


def made_tokens(reply: Reply) -> Tokens:
    """Return what the model said, its calls included."""
    calls = (text_tokens(call.name) + text_tokens(call.arguments_json) for call in reply.calls)
    return summed([text_tokens(reply.text), *calls])


@dataclass(frozen=True)
class TextUsage:
    """Tokens of one question and its answer."""

    shown: int
    cached: int
    made: int


def usage_of(conversation: Conversation, reply: Reply) -> TextUsage | None:
    """Return the tokens of `reply` to `conversation`, counted where it was made; None where nobody there counts."""
    if reply.origin is None:
        return TextUsage(shown_tokens(conversation).total, 0, made_tokens(reply).total)
    shown, made = reply.origin.input_tokens, reply.origin.output_tokens
    return None if shown is None or made is None else TextUsage(shown, reply.origin.cached_tokens or 0, made)


def within_limit(reply: Reply, max_tokens: int | None) -> Reply:
    """Return `reply` with no more than `max_tokens` of words. Calls stay whole."""
    if max_tokens is None or text_tokens(reply.text).total <= max_tokens:
        return reply
    kept = reply.text.encode()[: max_tokens * BYTES_PER_TOKEN].decode(errors="ignore")
    return replace(reply, text=kept, is_cut=True)


def _item_tokens(item: Item) -> Tokens:
    match item:
        case UserTurn(text) | Said(text):
            return text_tokens(text)
        case Called(_, name, arguments):
            return text_tokens(name) + text_tokens(orjson.dumps(dict(arguments)).decode())
        case Answered(_, output):
            return text_tokens(output)
