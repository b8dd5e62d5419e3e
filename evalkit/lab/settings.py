"""What a lab was started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORT = 8321
HOME = ".lab"


@dataclass(frozen=True)
class LabSettings:
    """What a lab was started with.

    Attributes:
        folders: The output folders that it serves; runs that are launched go into the first.
        home: The lab's own folder: its index, its queue of launches and the hash of its token. Nobody's only copy of
            a run lies there.
        working_dir: Where launched commands are run, as if typed there.
        host: The address that it listens at.
        port: The port; 0: any free one.
        database_url: The index's database, as SQLAlchemy writes it; empty: an SQLite file in `home`.
        read_only: Nothing can be launched, stopped, tagged, noted or reviewed.
        allow_paths: Launches may name programs, and files outside `folders` and `working_dir`.
        at_once: How many launches run at a time; the others wait.

    """

    folders: tuple[Path, ...]
    home: Path
    working_dir: Path
    host: str = LOOPBACK
    port: int = PORT
    database_url: str = ""
    read_only: bool = False
    allow_paths: bool = False
    at_once: int = 1
