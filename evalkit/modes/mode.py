"""What a mode is: one kind of case, from the data it is read from to the record it leaves. One door per mode.

The runner, the reports and the commands know modes through :class:`Mode` alone; nobody else in the house asks what a
mode is called. A mode gives

==================== ================================================================================================
``name``             how people choose it (``mode=NAME``); ``conf/mode/NAME.yaml`` is its option, and
                     ``schemas/mode_NAME.schema.json`` says which keys a run config of it has
``settings_type``    the type of its settings, a :class:`~evalkit.settings.types.RunSettings`
``models``           whose default models it takes from a provider
``layout``           columns, row unit, latencies: what its results look like
``stages``           stages of its own at which a case may fail, and whose fault that is
``read``             cases and all they need, with every problem of the data at once
``graders``          how a case is graded
``fingerprint``      the settings that can change a case's record: what resume, compare and caches go by
``forecast``         how much work a case will be
``voices``           voices that somebody is to speak with, so that those that are not there are found first
``unmeasured_…``     latencies of the layout that a run will not have, so that a gate on them is warned of
``open``             the callable that makes one attempt at a case-trial
==================== ================================================================================================

Which graders must be full for a case to pass stands in each case (``Case.required_graders``), as ``read`` sets it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from evalkit.clock import Clock
from evalkit.errors import ConfigError
from evalkit.metrics.forecast import CaseWork, Models, Rates
from evalkit.peers.peers import Peers
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Fault
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.settings.types import Provider, RunSettings
from evalkit.store.run_directory import RunDirectory

Work: TypeAlias = Callable[[CaseTrial, int], Awaitable[CaseRecord]]
"""One attempt at a case-trial (attempts count from 1) -> its record. Never raises for what goes wrong in the case."""


@dataclass(frozen=True)
class ModeData:
    """What a mode read: its cases, and the files they came from. A mode may add fields of its own.

    Attributes:
        cases: In the order of the data; ``max_examples`` is applied.
        left_out: Cases that ``max_examples`` leaves out; how they are graded is checked all the same.
        datasets: ``path`` and ``sha256`` of every file that was read, for provenance.
        problems: What keeps the cases from being run although everything could be read; ``evalkit check`` shows the
            table first.
        notes: What a run says in its log before it starts.
        oddities: What is allowed and hardly meant; ``evalkit check`` warns of it.
        table: What ``evalkit check`` shows of the data, as text; empty: nothing.

    """

    cases: tuple[Case, ...]
    datasets: tuple[Mapping[str, Any], ...]
    left_out: tuple[Case, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    table: str = ""


class NamedVoice(NamedTuple):
    """A voice that a run asks for: the key, or the file, that names it, who is to speak with it, and its name."""

    where: str
    provider: Provider
    name: str


@dataclass(frozen=True)
class StarterFile:
    """A file of the folder that ``evalkit new`` makes; `about` is its line in the folder's README, empty: none."""

    path: str
    content: bytes
    about: str = ""


@dataclass(frozen=True)
class Starter:
    """What somebody begins with: the cases' file, as ``mode.data_csv`` names it, further keys, and all files."""

    data_csv: str
    files: Sequence[StarterFile]
    keys: JsonObject = field(default_factory=dict)


Settings = TypeVar("Settings", bound=RunSettings)
Data = TypeVar("Data", bound=ModeData)


class Mode(ABC, Generic[Settings, Data]):
    """A kind of case. Subclasses are stateless; one instance serves every run."""

    name: ClassVar[str]
    settings_type: type[Settings]
    layout: ClassVar[ResultLayout]
    models: ClassVar[tuple[str, ...]] = ("assistant", "judge")
    stages: ClassVar[Mapping[str, Fault]] = {}

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Return what is wrong with a composed config and no single key is guilty of."""
        return []

    def settle(self, resolved: dict[str, Any]) -> None:
        """Fill in, in place, what the mode's own nulls mean; roles and paths are settled already."""

    def make_settings(self, resolved: Mapping[str, Any], composed: Mapping[str, Any]) -> Settings:  # noqa: ARG002
        """Return the settings of a resolved config; `composed` is the same before it was resolved."""
        return self.settings_type.from_config(resolved)

    def needs(self, settings: Settings) -> frozenset[str]:
        """Return the roles that a run talks to whatever its graders are: all the mode has, but for the judge."""
        return frozenset(settings.roles) - {"judge"}

    def engines(self, settings: Settings) -> frozenset[str]:  # noqa: ARG002
        """Return the engines of the embedded provider (``speech``, ``transcription``) that its roles will use."""
        return frozenset()

    @abstractmethod
    def read(self, settings: Settings) -> Data:
        """Return the cases. Raises DataError with everything that is wrong with the data."""

    def graders(self, settings: Settings, case: Case) -> Sequence[GraderSpec]:  # noqa: ARG002
        """Return how `case` is graded; by default by the types that ``mode.graders`` names, called by their types."""
        return tuple(GraderSpec(name, name) for name in settings.mode.graders)

    def where(self, settings: Settings, case: Case) -> str:  # noqa: ARG002
        """Return what says how `case` is graded, as messages name it: a file, or a key of the config."""
        return "mode.graders"

    @abstractmethod
    def fingerprint(self, settings: Settings, data: Data, case: Case) -> JsonObject:
        """Return the settings that decide the record of `case`, by content: no path, no port, no key."""

    def forecast(self, settings: Settings, data: Data, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:  # noqa: ARG002
        """Yield the work of each case and who does it, but for grading. By default nothing is known of it."""
        yield from ()

    def voices(self, settings: Settings, data: Data) -> Iterator[NamedVoice]:  # noqa: ARG002
        """Yield every voice that somebody is asked to speak with. By default nobody speaks."""
        yield from ()

    def unmeasured_latencies(self, settings: Settings, data: Data) -> Mapping[str, str]:  # noqa: ARG002
        """Return the latency columns of the layout that no record of this run will have, each with the reason."""
        return {}

    @abstractmethod
    def open(
        self, settings: Settings, data: Data, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AbstractAsyncContextManager[Work]:
        """Give the callable that makes attempts, for one event loop and as long as the block lasts."""

    def read_expectations(self, settings: Settings) -> Sequence[Case]:
        """Return the cases as the data expects them today, for grading stored records again."""
        return self.read(settings).cases

    def describe(self, settings: Settings, data: Data) -> str:
        """Return the line that ``evalkit check`` shows of a job."""
        return f"{self.name}, {len(data.cases)} cases x {settings.trials} trials, {self.subject(settings)}"

    def subject(self, settings: Settings) -> str:
        """Return what is under test, for the names of directories and for titles."""
        role = settings.roles.get("assistant")
        return (role.model if role else None) or self.name

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return what ``evalkit new`` puts into a new folder. Raises ConfigError where the mode offers none."""
        raise ConfigError(f"new: mode={self.name} offers no folder to start from; its package's documentation may help")
