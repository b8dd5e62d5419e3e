"""A real Slurm of one node in a folder: munge, controller and node daemon, with ports and sockets of their own.

Two partitions: ``main``, and ``urgent``, whose jobs take the place of those in ``main``. Delays that a real cluster has
between an event and what follows are cut: a requeued job may start after three seconds, not after two minutes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNTING_PROGRAMS = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/bin"])
_CONFIG = """\
ClusterName=evalkit
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MaxArraySize=5
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait={kill_wait_s}
JobAcctGatherType=jobacct_gather/none
GresTypes=seat
{accounting}
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 Feature=fast Gres=seat:8 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
_ACCOUNTS_PLACE = """
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge/socket"""
_ACCOUNTING = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def find_missing(*, accounting: bool = False) -> str:
    """Return why no Slurm, or none that keeps accounts, can be started here; empty: one can."""
    if os.geteuid() != 0:
        return "a Slurm of one's own is started as root only"
    wanted = (*PROGRAMS, *ACCOUNTING_PROGRAMS) if accounting else PROGRAMS
    missing = [name for name in wanted if shutil.which(name, path=PATH) is None]
    packages = "slurm-wlm munge" + (" slurmdbd mariadb-server" if accounting else "")
    return f"there is no {', '.join(missing)}: apt-get install {packages}" if missing else ""


def wait_until(holds: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Return when `holds` does. Raises AssertionError, saying `what` was waited for, when it takes too long."""
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, f"waited {timeout_s:g} s in vain: {what}"
        time.sleep(0.1)


@dataclass
class SlurmCluster:
    """The cluster in `folder`; nothing runs before :meth:`start`.

    Attributes:
        folder: Where everything of it is.
        kill_wait_s: How long a job has to end when it was told to.
        keeps_accounts: Whether it has a database of what its jobs did, which ``sacct`` asks.

    """

    folder: Path
    kill_wait_s: int = 15
    keeps_accounts: bool = False
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def env(self) -> Mapping[str, str]:
        """What a process needs to speak to it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH}

    def start(self) -> None:
        """Start it, and return when it takes jobs."""
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().partition(".")[0]
        accounts_port = _free_port()
        kind = "slurmdbd" if self.keeps_accounts else "none"
        place = _ACCOUNTS_PLACE.format(folder=self.folder, port=accounts_port) if self.keeps_accounts else ""
        settings = {
            "host": host, "folder": self.folder, "controller_port": _free_port(), "node_port": _free_port(),
            "kill_wait_s": self.kill_wait_s, "accounting": f"AccountingStorageType=accounting_storage/{kind}{place}",
        }  # fmt: skip
        (self.folder / "slurm.conf").write_text(_CONFIG.format(**settings))
        (self.folder / "gres.conf").write_text(f"NodeName={host} Name=seat Count=8\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        self.start_munge()
        if self.keeps_accounts:
            self._start_accounts(host, accounts_port)
        self.start_controller()
        self._start("slurmd", "slurmd", "-D", "-N", host)
        wait_until(lambda: self.run("sinfo", "-h", "-o", "%t") == "idle", f"a node\n{self.log_tail()}")

    def start_munge(self) -> None:
        """Start what vouches for users."""
        folder = self.folder / "munge"
        key = folder / "key"
        key.touch(0o400)
        key.write_bytes(secrets.token_bytes(1024))
        files = {name: folder / name for name in ("socket", "log", "pid", "seed")}
        words = [f"--socket={files['socket']}", f"--key-file={key}", f"--log-file={files['log']}"]
        more = [f"--pid-file={files['pid']}", f"--seed-file={files['seed']}"]
        self._start("munged", "munged", "--foreground", "--force", *words, *more)
        wait_until(files["socket"].exists, "munge's socket")

    def _start_accounts(self, host: str, port: int) -> None:
        """Start the database and what keeps accounts in it, and return when it knows the cluster."""
        data, socket_path = self.folder / "mysql", self.folder / "mysql.sock"
        data.mkdir()
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--user=root",
            "--auth-root-authentication-method=normal",
        )
        self._start(
            "mariadbd", "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket_path}", "--user=root",
            "--skip-networking", f"--pid-file={self.folder / 'mariadbd.pid'}",
        )  # fmt: skip
        asks = ("mariadb", "--no-defaults", f"--socket={socket_path}", "--user=root", "--silent")
        wait_until(lambda: self.run(*asks, "--execute=select 1").endswith("1"), f"a database\n{self.log_tail()}")
        settings = self.folder / "slurmdbd.conf"
        settings.touch(0o600)
        settings.write_text(_ACCOUNTING.format(folder=self.folder, host=host, port=port))
        self._start("slurmdbd", "slurmdbd", "-D", MYSQL_UNIX_PORT=str(socket_path))
        added = ("sacctmgr", "--immediate", "add", "cluster", "evalkit")
        wait_until(lambda: "evalkit" in self.run(*added), f"accounts\n{self.log_tail()}")
        self.run("sacctmgr", "--immediate", "add", "account", "research", "cluster=evalkit")
        self.run("sacctmgr", "--immediate", "add", "user", "root", "account=research", "cluster=evalkit")

    def start_controller(self) -> None:
        """Start the controller, which knows what it knew before, and return when it answers."""
        self._start("slurmctld", "slurmctld", "-D")
        wait_until(lambda: "is UP" in self.run("scontrol", "ping"), f"a controller\n{self.log_tail()}")

    def stop_controller(self) -> None:
        """End the controller; jobs go on."""
        self._end("slurmctld")

    def stop(self) -> None:
        """End everything, jobs too."""
        if "slurmctld" in self._daemons:
            self.run("scancel", "--full", "--user=root")
            wait_until(lambda: not self.run("squeue", "-h"), "jobs to end")
        for name in reversed(list(self._daemons)):
            self._end(name)

    def run(self, *words: str) -> str:
        """Return what a program of Slurm's prints, whether it succeeds or not."""
        done = subprocess.run(
            words, env={**os.environ, **self.env}, capture_output=True, text=True, timeout=60, check=False
        )
        return (done.stdout + done.stderr).strip()

    def states(self) -> dict[str, str]:
        """Return the state of every job that Slurm knows, by what it calls it."""
        text = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%i %T")
        return dict(line.split() for line in text.splitlines())

    def log_tail(self) -> str:
        """Return what its daemons said last."""
        logs = [path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(logs)

    def _start(self, name: str, *words: str, **environ: str) -> None:
        program = shutil.which(words[0], path=PATH) or words[0]
        with (self.folder / f"{name}.out.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [program, *words[1:]], env={**os.environ, **self.env, **environ}, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def _end(self, name: str) -> None:
        daemon = self._daemons.pop(name)
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def queued_ids(root: Path) -> dict[int, str]:
    """Return what Slurm calls each job of a sweep."""
    noted = json.loads((root / ".jobs" / "queue.json").read_text())
    return {int(number): name for number, name in noted["ids"].items()}


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
