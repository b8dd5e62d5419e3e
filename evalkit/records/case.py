"""Cases and trials: what is asked of the system under test, and what a right answer looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from evalkit.records.json import Json, JsonObject, content_sha256

# Safe as a file name on every system, and never mistaken for the name of a later trial.
CASE_ID_PATTERN = re.compile(r"^(?!.*\.t\d+\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,119}(?<!\.)\Z")


@dataclass(frozen=True)
class ExpectedCall:
    """A tool call that a right answer contains.

    Attributes:
        name: The tool.
        arguments: A subset of the arguments the call must carry.
        match: Argument name -> rule (:mod:`evalkit.records.match_rules`); else by the value's type.

    """

    name: str
    arguments: JsonObject = field(default_factory=dict)
    match: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One thing to ask of the system under test.

    Attributes:
        case_id: Unique, also when case is ignored; safe as a file name.
        mode: The harness mode that knows how to run it.
        inputs: What the system is given, as JSON. Files are named by path *and* content hash.
        expected_calls: Tool calls a right answer makes, in order. Empty with `expects_no_call` false: nothing to grade.
        expects_no_call: A right answer calls no tool.
        extra: Further columns of the data, copied into the record.
        required_graders: Ids of the graders that must be full for it to pass; None in records that were stored before
            cases named them. :func:`evalkit.records.passing.required_graders` answers for both.

    """

    case_id: str
    mode: str
    inputs: JsonObject
    expected_calls: tuple[ExpectedCall, ...] = ()
    expects_no_call: bool = False
    extra: Mapping[str, Json] = field(default_factory=dict)
    required_graders: tuple[str, ...] | None = None

    @cached_property
    def sha256(self) -> str:
        """The hash of the content; two cases with the same hash ask the same thing.

        Paths do not count, and neither does how the answer is graded.
        """
        return content_sha256(
            {
                "case_id": self.case_id,
                "mode": self.mode,
                "inputs": {key: value for key, value in self.inputs.items() if not key.endswith("_path")},
                "expected_calls": [
                    {"name": call.name, "arguments": call.arguments, "match": dict(call.match)}
                    for call in self.expected_calls
                ],
                "expects_no_call": self.expects_no_call,
            }
        )


@dataclass(frozen=True)
class CaseTrial:
    """One repetition of a case. Trials count from 1 and derive their seed from the run's."""

    case: Case
    trial: int
    seed: int

    @property
    def key(self) -> str:
        """The name that its files begin with: ``<case>`` for trial 1, ``<case>.t<k>`` for later ones."""
        return self.case.case_id if self.trial == 1 else f"{self.case.case_id}.t{self.trial}"
