"""What an attack on a verdict is: the files of a candidate, and how its attempt must end.

Attacks are made on real tasks, as answers that a model could give. In the text of a file

``<<right>>``      stands for that file as the task's oracle has it,
``<<start>>``      for that file as the task gives it, with its bug,
``<<host_file>>``  for the path of a file of this machine that holds the canary,
``<<token>>``      for the name of a file that must be found nowhere afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.modes.coding.task import Language

PYTHON, JAVASCRIPT, HTML = Language.PYTHON, Language.JAVASCRIPT, Language.HTML
GO, RUST, CPP = Language.GO, Language.RUST, Language.CPP


@dataclass(frozen=True)
class VerdictAttack:
    """An answer that wants a verdict it does not deserve, to know what it must not, or to outlive its box.

    Attributes:
        language: Which task it answers; each language has one.
        name: What it does, in a few words.
        ends: The status that must come of it.
        files: Path -> text of what the model answers in whole files.
        diff: What it answers instead, as a diff.
        prints: What must be found in what it printed, so that an attack that never ran is seen.
        slow: It takes seconds, and one like it in another language is tried each time.

    """

    language: Language
    name: str
    ends: str
    files: Mapping[str, str]
    diff: str = ""
    prints: bytes = b""
    slow: bool = False

    def __str__(self) -> str:
        return f"{self.language} {self.name}"
