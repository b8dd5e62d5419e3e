"""The persona of the simulated caller: its instructions, and the word that ends the call.

Instructions are the persona as the simulation has it (or ``simulator.prompt`` in its place), and under a heading of its
own the style of ``simulator.style``, which is laid over the persona's manner and changes none of its facts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_STYLE_HEADING = "# Style"
_HEADING = re.compile(r"^#+\s*(?P<name>[^\n:]+?)\s*:?\s*$")
_PROSE_HEADING = re.compile(r"^(?P<name>persona|rules)\s*:\s*$", re.IGNORECASE)
_PROSE_FACT = re.compile(r"^-\s*(?P<key>[^:]{1,40}):\s")
# What follows these is about how to act, and nothing a caller would say.
_ACTING = frozenset({"rules", "style", "instructions"})


@dataclass(frozen=True)
class Persona:
    """The instructions of the simulated caller.

    Attributes:
        prompt: The persona, as written.
        style: Laid over it; None: nothing is.

    """

    prompt: str
    style: str | None = None

    @cached_property
    def instructions(self) -> str:
        """The whole instructions for the caller's model."""
        prompt = self.prompt.rstrip()
        return f"{prompt}\n\n{_STYLE_HEADING}\n{self.style.strip()}\n" if self.style else f"{prompt}\n"

    @cached_property
    def acting_lines(self) -> tuple[str, ...]:
        """The lines that direct the actor: rules, style, and prose around them. No facts, no goals."""
        acting, lines = True, []
        for line in self.instructions.splitlines():
            heading = _HEADING.match(line) or _PROSE_HEADING.match(line)
            if heading:
                acting = heading["name"].lower() in _ACTING
            elif acting and line.strip():
                lines.append(line.strip().removeprefix("- "))
        return tuple(line for line in lines if not _PROSE_FACT.match(f"- {line}"))


def ends_call(text: str) -> bool:
    """Whether `text` is END_CALL and nothing else, in any case, with any punctuation or spacing."""
    return re.sub(r"[\W_]+", "", text).casefold() == "endcall"


def mentions_end_call(text: str) -> bool:
    """Whether END_CALL stands somewhere in `text` as the token it is."""
    return re.search(r"\bend_call\b", text, re.IGNORECASE) is not None
