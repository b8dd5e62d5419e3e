"""What a mode is: one kind of case, from reading its data to writing its record. One object per mode.

The runner, the reports and the commands know modes through :class:`Mode` alone; no other code compares a mode's name.
A mode has

==================== ================================================================================================
``name``             how people choose it (``mode=NAME``); ``conf/mode/NAME.yaml`` is its option, and
                     ``schemas/mode_NAME.schema.json`` says which keys a run config of it has
``settings_type``    the type of its settings, a :class:`~evalkit.settings.types.RunSettings`
``models``           the default models that it takes from a provider, the assistant's first
``layout``           how its results look: columns, row unit, latencies
``stages``           stages of its own at which a case may fail, and whose fault that is
``unused_services``  services of graders that would find nothing in its records (``transcribe``: they hold no sound)
``idle_keys``        top-level keys of a config on which ``read``, ``graders``, ``voices``, ``forecast`` do not depend
``of_config``        another mode of the same name, for configs with other keys
``read``             reads the cases and all they need; reports every problem of the data at once
``graders``          the graders of a case
``fingerprint``      the settings that can change a case's record: resume, compare and caches use them
``forecast``         how many turns, tokens and minutes of sound a case will take
``voices``           the voices that will be used, so that unknown ones are found before the run
``unmeasured_…``     latencies of the layout that a run will not have, so that a gate on them is warned of
``prove``            says which cases are not what they claim to be, by trying them; only ``evalkit check`` asks
``open``             yields the callable that makes one attempt at a case-trial
==================== ================================================================================================

Which graders must be full for a case to pass stands in each case (``Case.required_graders``), as ``read`` sets it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from evalkit.errors import ConfigError
from evalkit.metrics.forecast import CaseWork, Models, Rates
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Fault
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.settings.types import ProviderSettings, RunSettings

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.peers.peers import Peers
    from evalkit.store.run_directory import RunDirectory

Work: TypeAlias = Callable[[CaseTrial, int], Awaitable[CaseRecord]]
"""One attempt at a case-trial (attempts count from 1) -> its record. Never raises for what goes wrong in the case."""

Say: TypeAlias = Callable[[str], None]
"""Tells the user, on a line, how far something is."""


@dataclass(frozen=True)
class ModeData:
    """What a mode read: its cases, and the files they came from. A mode may add fields of its own.

    Attributes:
        cases: In the order of the data; ``max_examples`` is applied.
        left_out: Cases that ``max_examples`` leaves out; how they are graded is checked all the same.
        datasets: ``path`` and ``sha256`` of every file that was read, for provenance.
        problems: What keeps the cases from being run although everything could be read; ``evalkit check`` shows the
            table first.
        notes: Messages for the run's log before it starts.
        oddities: What is allowed but probably a mistake; ``evalkit check`` warns of it.
        table: The data as a table for ``evalkit check``; empty: nothing is shown.

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
    provider: ProviderSettings
    name: str


@dataclass(frozen=True)
class StarterFile:
    """A file of the folder that ``evalkit new`` makes; `about` is its line in the folder's README, empty: none."""

    path: str
    content: bytes
    about: str = ""


@dataclass(frozen=True)
class Starter:
    """What a new project begins with: where its cases are, the mode's key that names that, further keys, all files.

    `own` is what one adds to a command in order to test something of one's own.
    """

    data: str
    files: Sequence[StarterFile]
    keys: JsonObject = field(default_factory=dict)
    data_key: str = "data_csv"
    own: str = "provider=openai assistant.model=MODEL"


COMMON_IDLE_KEYS = ("seed", "concurrency", "run_name", "output_dir", "report")
"""What of the keys that every mode has decides nothing about its cases, unless a mode makes them of the seed."""

Settings = TypeVar("Settings", bound=RunSettings)
Data = TypeVar("Data", bound=ModeData)


class Mode(ABC, Generic[Settings, Data]):
    """A kind of case. Subclasses are stateless; one instance serves every run."""

    name: ClassVar[str]
    settings_type: type[Settings]
    layout: ClassVar[ResultLayout]
    models: ClassVar[tuple[str, ...]] = ("assistant", "judge")
    stages: ClassVar[Mapping[str, Fault]] = {}
    unused_services: ClassVar[frozenset[str]] = frozenset()
    idle_keys: ClassVar[tuple[str, ...]] = ()
    """Jobs of a sweep that differ in these alone are read, checked and forecast once; without any, each by itself."""

    def of_config(self, config: Mapping[str, Any]) -> Mode[Any, Any]:  # noqa: ARG002
        """Return the mode that runs a `config` of this name: another one where its input decides which keys it has."""
        return self

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """Return the problems of a composed config that lie between several keys."""
        return []

    def settle(self, resolved: dict[str, Any]) -> None:
        """Replace, in place, the mode's own nulls by their defaults; roles and paths have theirs already."""

    def make_settings(self, resolved: Mapping[str, Any], composed: Mapping[str, Any]) -> Settings:  # noqa: ARG002
        """Return the settings of a resolved config; `composed` is the same before it was resolved."""
        return self.settings_type.from_config(resolved)

    def find_key_problems(self, settings: Settings, environ: Mapping[str, str]) -> list[str]:  # noqa: ARG002
        """Return a message for every key that the mode itself needs and `environ` has not; roles' are found already."""
        return []

    def needs(self, settings: Settings) -> frozenset[str]:
        """Return the roles that a run calls whatever its graders are: all that the mode has, except the judge."""
        return frozenset(settings.roles) - {"judge"}

    def engines(self, settings: Settings) -> frozenset[str]:  # noqa: ARG002
        """Return the engines of the embedded provider (``speech``, ``transcription``) that the mode's roles use."""
        return frozenset()

    @abstractmethod
    def read(self, settings: Settings) -> Data:
        """Return the cases. Raises DataError with everything that is wrong with the data."""

    def graders(self, settings: Settings, case: Case) -> Sequence[GraderSpec]:  # noqa: ARG002
        """Return the graders of `case`; by default those that ``mode.graders`` names, each with its type as its id."""
        return tuple(GraderSpec(name, name) for name in settings.mode.graders)

    def where(self, settings: Settings, case: Case) -> str:  # noqa: ARG002
        """Return where the graders of `case` are set, for messages: a file, or a key of the config."""
        return "mode.graders"

    @abstractmethod
    def fingerprint(self, settings: Settings, data: Data, case: Case) -> JsonObject:
        """Return the settings that decide the record of `case`, by content: no path, no port, no key."""

    def forecast(self, settings: Settings, data: Data, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:  # noqa: ARG002
        """Yield the work of each case and the models that do it, without grading. By default nothing: unknown."""
        yield from ()

    def voices(self, settings: Settings, data: Data) -> Iterator[NamedVoice]:  # noqa: ARG002
        """Yield every voice that a role will use. By default none."""
        yield from ()

    def unmeasured_latencies(self, settings: Settings, data: Data) -> Mapping[str, str]:  # noqa: ARG002
        """Return the latency columns of the layout that no record of this run will have, each with the reason."""
        return {}

    def prove(self, settings: Settings, data: Data, say: Say) -> list[str]:  # noqa: ARG002
        """Return a message for every case that is found not to be what it claims when it is tried. By default none."""
        return []

    @abstractmethod
    def open(
        self, settings: Settings, data: Data, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AbstractAsyncContextManager[Work]:
        """Yield the callable that makes attempts, for one event loop and until the block ends."""

    def read_expectations(self, settings: Settings) -> Sequence[Case]:
        """Return the cases with the expectations in the data today, for grading stored records again."""
        return self.read(settings).cases

    def describe(self, settings: Settings, data: Data) -> str:
        """Return the line that ``evalkit check`` prints for a job."""
        return f"{self.name}, {len(data.cases)} cases x {settings.trials} trials, {self.subject(settings)}"

    def subject(self, settings: Settings) -> str:
        """Return what is under test, for the names of directories and for titles."""
        role = settings.roles.get("assistant")
        return (role.model if role else None) or self.name

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return the files that ``evalkit new`` writes. Raises ConfigError where the mode has none."""
        raise ConfigError(f"new: mode={self.name} offers no folder to start from; its package's documentation may help")
