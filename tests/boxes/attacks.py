# ruff: noqa: E501 - programs, and what they say, are clearest unbroken
"""Programs that try to get out of a box, or to harm who runs it: what each does, and how it must end.

A script as well, so that an ordinary user can run it: ``python attacks.py`` prints a JSON object, name of attack -> what
was wrong. Every program finds `LIBRARY` as ``lib``; what it prints is compared whole.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult, Ending, Sandbox
from evalkit.sandbox.finding import find_sandbox

MIB = 1024 * 1024
PYTHON = ("/usr/bin/python3", "-B")
CANARY = "canary-7c1f2a9e55d0"
PR_SET_CHILD_SUBREAPER = 36

LIBRARY = r"""
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    ctypes.set_errno(0)
    got = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    return 'done' if got >= 0 else errno.errorcode[ctypes.get_errno()]

def attempt(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except BaseException as error:
        return type(error).__name__
    return 'done'

def fork_and(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid

def numbers(x86_64, aarch64):
    return x86_64 if os.uname().machine == 'x86_64' else aarch64
"""

# The other side of an exchange, which attacks change: answers "n" to request "n".
ANSWERING = r"""
import os
from lib import *
reads, writes = map(int, os.environ['EVALKIT_PIPES'].split(','))
def ask():
    line = b''
    while not line.endswith(b'\n'):
        byte = os.read(reads, 1)
        if not byte:
            os._exit(0)
        line += byte
    return line
def answer(line):
    os.write(writes, line)
"""


@dataclass(frozen=True)
class Attack:
    """A program, how its box must end, and all that it may have to say."""

    name: str
    source: str
    says: str | None = ""
    """What it prints, whole; a pattern when `pattern`; None: whatever it likes."""
    ending: Ending | None = Ending.EXITED
    """None: by its exit or by its output, whichever the machine sees first."""
    exit_code: int | None = 0
    pattern: bool = False
    limits: BoxLimits = field(default_factory=lambda: BoxLimits(wall_s=10, cpu_s=10))
    requests: tuple[bytes, ...] | None = None
    answers: tuple[bytes, ...] = ()
    collect: str | None = None
    collected: bytes | None = None


def quick(**changed: float) -> BoxLimits:
    """Return limits with a short time, and what is `changed`."""
    return BoxLimits(**{"wall_s": 0.6, "cpu_s": 5, **changed})  # type: ignore[arg-type]


READING = (
    Attack("keys in the environment of any process", r"""
import glob
from lib import *
found = []
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/maps'):
    try:
        text = open(path, 'rb').read()
    except OSError:
        continue
    if CANARY.encode() in text:
        found.append(path)
print(found)
""", "[]\n"),
    Attack("keys in any file that can be read", r"""
import os
from lib import *
found = []
for top in ('/', '/proc/1/root', '/proc/self/cwd', '/proc/1/cwd', '/proc/%d/root' % os.getppid()):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if f not in ('usr', 'proc', 'sys', 'dev')]
        for name in files:
            try:
                with open(os.path.join(folder, name), 'rb') as file:
                    if CANARY.encode() in file.read(1 << 20) and not name.endswith('.py'):
                        found.append(os.path.join(folder, name))
            except OSError:
                pass
print(found, os.path.exists(HOST_FILE))
""", "[] False\n"),
    Attack("memory of other processes", r"""
import os
from lib import *
print([attempt(open, '/proc/%s/mem' % pid, 'rb+') for pid in (1, os.getppid())])
print(call(numbers(101, 117), 16, os.getppid(), 0, 0), call(numbers(310, 270), os.getppid(), 0, 0, 0, 0, 0))
""", r"\['(EACCES|EPERM|done)', '(EACCES|EPERM|done)'\]\nENOSYS ENOSYS\n", pattern=True),
    Attack("files of the machine through a link", r"""
import os
from lib import *
for target in ('/etc/passwd', '/etc/shadow', '/root', '/home', '/var', '/proc/1/root/etc/passwd', '/sys'):
    os.symlink(target, 'link')
    print(attempt(os.stat, 'link'))
    os.unlink('link')
""", "ENOENT\n" * 7),
    Attack("the kernel's own doors", r"""
from lib import *
for path in ('/proc/kcore', '/proc/sysrq-trigger', '/proc/kmsg', '/dev/mem', '/dev/kmsg', '/dev/fuse', '/dev/kvm',
             '/dev/vsock', '/dev/net/tun', '/proc/sys/kernel/core_pattern'):
    print(attempt(open, path, 'r+'))
""", r"((EACCES|EPERM|ENOENT|EROFS)\n){10}", pattern=True),
    Attack("descriptors that came along", r"""
import os
print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1], [os.readlink('/proc/self/fd/%d' % n)[:4] for n in range(3)])
""", "[0, 1, 2] ['/dev', 'pipe', 'pipe']\n"),
    Attack("processes outside", r"""
import os
from lib import *
seen = [pid for pid in range(1, 70000) if attempt(os.kill, pid, 0) != 'ESRCH']
print(len(seen) <= 4, [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 50])
""", "True []\n"),
    Attack("environment", "import os\nprint(sorted(os.environ))\n", "['HOME', 'LANG', 'PATH', 'PWD', 'TOKEN']\n"),
)  # fmt: skip

LEAVING = (
    Attack("writing anywhere", r"""
import os
from lib import *
made = []
tops = ['/', '/usr', '/usr/local/bin', '/etc', '/box', '/dev', '/proc', '/sys', '/var/tmp', '/root', '/home', '/run',
        '/proc/1/root', '/proc/1/cwd/..', '..', '/ws/..', '/tmp/..'] + ['../' * n for n in range(1, 9)]
for top in tops:
    if attempt(lambda: open(os.path.join(top, TOKEN), 'w').write('x')) == 'done':
        made.append(top)
print(made)
print([attempt(os.chmod, path, 0o777) for path in ('/', '/usr', BOX)], attempt(os.mkdir, BOX + '/new'))
""", r"\[\]\n\['EROFS', '(EROFS|EPERM)', 'EROFS'\] EROFS\n", pattern=True),
    Attack("changing the job's files", r"""
import os
from lib import *
print(attempt(open, BOX + '/lib.py', 'r+'), attempt(os.unlink, BOX + '/lib.py'), attempt(os.rename, '/box', '/bax'))
""", r"(EROFS|EACCES) (EROFS|EBUSY) (EROFS|EBUSY)\n", pattern=True),
    Attack("a link into the system", r"""
import os
from lib import *
print(attempt(os.link, '/usr/bin/env', 'env'), attempt(os.link, BOX + '/lib.py', 'lib2.py'))
""", "EXDEV EXDEV\n"),
    Attack("network", r"""
import socket
from lib import *
s = socket.socket()
s.settimeout(2)
print(attempt(s.connect, ('1.1.1.1', 53)), attempt(socket.getaddrinfo, 'example.org', 80))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(attempt(u.sendto, b'x', ('8.8.8.8', 53)), attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
for family in (40, 17, 38, 15, 44, 21):  # vsock, packet, alg, key, xdp, rds
    print(attempt(socket.socket, family, socket.SOCK_DGRAM))
""", r"ENETUNREACH gaierror\nENETUNREACH EPERM\n(EPERM\n){6}", pattern=True),
    Attack("a server of the machine on loopback, and one without a name in the file system", r"""
import socket
from lib import *
print(attempt(socket.create_connection, ('127.0.0.1', PORT), 2), attempt(socket.socket(socket.AF_UNIX).connect, '\0' + TOKEN))
""", "ECONNREFUSED ECONNREFUSED\n"),
    Attack("loopback of its own works", r"""
import socket
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 2)
print('fine')
""", "fine\n"),
    Attack("namespaces and mounts", r"""
from lib import *
print(call(numbers(272, 97), 0x10000000), call(numbers(308, 268), 0, 0), call(numbers(165, 40), b'x', b'/ws', b'tmpfs', 0, 0))
print(call(numbers(155, 41), b'/', b'/'), call(numbers(161, 51), b'/ws'), call(428, -100, b'/', 1), call(430, b'tmpfs', 0))
for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x04000000, 0x08000000, 0x02000000):
    print(call(numbers(56, 220), flag | 17, 0, 0, 0, 0))
print(call(435, 0, 0))
""", "ENOSYS ENOSYS ENOSYS\nENOSYS ENOSYS ENOSYS ENOSYS\n" + "EPERM\n" * 7 + "ENOSYS\n"),
    Attack("wide doors of the kernel", r"""
from lib import *
calls = ((321, 280), (298, 241), (425, 425), (250, 219), (248, 217), (323, 282), (103, 116), (246, 104), (304, 265),
         (438, 438), (169, 142), (175, 105), (300, 262), (135, 92))
print({call(numbers(*pair), 0, 0, 0, 0, 0) for pair in calls})
""", "{'ENOSYS'}\n"),
    Attack("calls of another machine", r"""
import ctypes, mmap, os
if os.uname().machine == 'x86_64':
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))  # mov eax, getpid of i386; int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    print('alive')
else:
    os.kill(os.getpid(), 31)
""", "", exit_code=128 + 31),
    Attack("rights of others", r"""
import os, subprocess
from lib import *
status = dict(line.rstrip('\n').split(':\t', 1) for line in open('/proc/self/status') if ':\t' in line)
print(status['CapEff'].strip('0'), status['CapBnd'].strip('0'), status['NoNewPrivs'], status['Seccomp'], status['Uid'].split())
print(attempt(os.setuid, 0), attempt(os.setgroups, [0]), attempt(os.setgid, 0), attempt(os.chown, '/ws', 0, 0))
open('me', 'w').write('#!/bin/sh\nid -u\n')
os.chmod('me', 0o6755)
print(subprocess.run(['./me'], capture_output=True, text=True).stdout.strip())
for name in ('/usr/bin/su', '/usr/bin/mount', '/usr/bin/newgrp', '/usr/bin/passwd'):
    if os.path.exists(name):
        subprocess.run([name], capture_output=True, stdin=subprocess.DEVNULL)
print(attempt(os.mknod, 'disk', 0o60666, os.makedev(8, 0)), attempt(os.mknod, 'mem', 0o20666, os.makedev(1, 1)))
""", "  1 2 ['1000', '1000', '1000', '1000']\nEINVAL EPERM EINVAL EINVAL\n1000\nEPERM EPERM\n"),
    Attack("more than its limits allow", r"""
import os, resource
from lib import *
for name in ('NPROC', 'DATA', 'FSIZE', 'NOFILE', 'CORE', 'CPU'):
    which = getattr(resource, 'RLIMIT_' + name)
    hard = resource.getrlimit(which)[1]
    print(attempt(resource.setrlimit, which, (hard + 1, hard + 1)))
print(attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)), attempt(os.setpriority, 0, 0, -5))
print(open('/proc/self/oom_score_adj').read().strip())
""", r"(ValueError\n){6}EPERM EACCES\n1000\n", pattern=True),
    Attack("the terminal of whoever runs it", "from lib import *\nprint(attempt(open, '/dev/tty', 'w'), os.isatty(0))\n",
           "ENXIO False\n"),
)  # fmt: skip

HARMING = (
    Attack("endless loop", "while True: pass\n", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("endless loop, every signal ignored", r"""
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("more CPU than it may", "while True: pass\n", ending=Ending.TIMEOUT, exit_code=128 + 24,
           limits=BoxLimits(wall_s=20, cpu_s=1)),
    Attack("sleeping for ever", "import time\ntime.sleep(1e6)\n", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("fork bomb", r"""
import os, time
children = 0
while True:
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(100)
    children += 1
print(30 < children < 64)
""", "True\n"),
    Attack("fork bomb that never stops", r"""
import os
while True:
    try: os.fork()
    except OSError: pass
""", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("thread bomb", r"""
import threading, time
count = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        count += 1
except RuntimeError:
    print(30 < count < 64, flush=True)
import os
os._exit(0)
""", "True\n", limits=BoxLimits(wall_s=10, data_bytes=2048 * MIB)),
    Attack("zombies", r"""
import os
from lib import *
made = 0
while made < 500 and attempt(lambda: fork_and(lambda: None)) == 'done':
    made += 1
print(30 < made < 64)
""", "True\n"),
    Attack("a chain of orphans that forks for ever", r"""
import os
if os.fork():
    os._exit(0)
while True:
    try:
        if os.fork() and os.fork():
            os._exit(0)
    except OSError:
        pass
""", None, limits=BoxLimits(wall_s=60), exit_code=0),
    Attack("private memory", "print(len(bytearray(600 << 20)))\n", None, exit_code=1),
    Attack("shared memory", r"""
import mmap
keep = []
while True:
    keep.append(mmap.mmap(-1, 64 << 20))
    for at in range(0, 64 << 20, 4096): keep[-1][at] = 1
""", ending=Ending.MEMORY, exit_code=None, limits=BoxLimits(memory_bytes=300 * MIB)),
    Attack("private memory of many", r"""
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(100 << 20)
        time.sleep(60)
time.sleep(60)
""", ending=Ending.MEMORY, exit_code=None, limits=BoxLimits(memory_bytes=300 * MIB, wall_s=20)),
    Attack("memory that was shared by forking is counted once", r"""
import os, time
held = bytearray(100 << 20)
for _ in range(8):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
time.sleep(0.4)
print('fine')
""", "fine\n", limits=BoxLimits(memory_bytes=300 * MIB, wall_s=20)),
    Attack("memory that is no process's", r"""
import socket
from lib import *
print(call(numbers(319, 279), b'x', 0), call(447, 0), call(numbers(29, 194), 0, 1 << 20, 0o1777), call(numbers(68, 186), 0, 0o1777))
""", "ENOSYS ENOSYS ENOSYS ENOSYS\n"),
    Attack("files as large as can be", r"""
import os
from lib import *
def fill(folder):
    for n in range(100):
        with open(f'{folder}/{n}', 'wb') as file:
            for _ in range(16): file.write(bytes(1 << 20))
for folder in ('/ws', '/tmp', '/dev/shm'):
    result = attempt(fill, folder)
    room = os.statvfs(folder)
    print(result, room.f_blocks * room.f_frsize >> 20)
""", "ENOSPC 64\nENOSPC 32\nENOSPC 1\n"),
    Attack("one file too large", r"""
from lib import *
def fill():
    with open('big', 'wb') as file:
        for _ in range(17): file.write(bytes(1 << 20))
print(attempt(fill))
""", "EFBIG\n"),
    Attack("files without end", r"""
import os
n = 0
while True:
    os.close(os.open(f'{TEMP}/{n}', os.O_CREAT | os.O_WRONLY))
    n += 1
""", ending=Ending.MEMORY, exit_code=None, limits=BoxLimits(wall_s=60, cpu_s=60, workspace_bytes=4 * MIB, temp_bytes=4 * MIB)),
    Attack("output without end", "import os\nwhile True: os.write(1, bytes(65536))\n", None, ending=Ending.OUTPUT, exit_code=None),
    Attack("errors without end", "import os\nwhile True: os.write(2, b'x' * 65536)\n", ending=Ending.OUTPUT, exit_code=None),
    Attack("output from many that live on", r"""
import os
for _ in range(8):
    if os.fork() == 0:
        while True: os.write(1, bytes(4096))
os.wait()
""", None, ending=Ending.OUTPUT, exit_code=None),
    Attack("output from many that outlive the program", r"""
import os
for _ in range(8):
    if os.fork() == 0:
        while True: os.write(1, bytes(4096))
""", None, ending=None),
    Attack("a daemon", r"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
print('fine')
""", "fine\n"),
    Attack("killing all", r"""
import os, signal
from lib import *
for pid in (1, os.getppid()):
    print(attempt(os.kill, pid, signal.SIGKILL), flush=True)
print(attempt(os.kill, -1, signal.SIGTERM), flush=True)
os.kill(1, signal.SIGSEGV)
print('fine')
""", None, exit_code=0),
    Attack("stopping its parents", r"""
import os, signal, time
for pid in (1, os.getppid()):
    os.kill(pid, signal.SIGSTOP)
time.sleep(100)
""", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("closing everything and staying", r"""
import os, time
os.closerange(0, 4096)
time.sleep(100)
""", ending=Ending.TIMEOUT, exit_code=None, limits=quick()),
    Attack("telling the keeper of the box that it went well", r"""
import os
for fd in range(3, 4096):
    try: os.write(fd, b'{ "exit-code": 0 }\n')
    except OSError: pass
os._exit(7)
""", exit_code=7),
    Attack("bytes that are no text", "import os\nos.write(1, b'\\xff\\xfe\\x00\\n')\n", None),
    Attack("asking for input", "import sys\nprint(repr(sys.stdin.read()))\n", "''\n"),
    Attack("a core file", "import os\nos.abort()\n", "", exit_code=128 + 6),
)  # fmt: skip

ASKED = tuple(b"%d" % number for number in range(3))
TALKING = (
    Attack("an honest partner", ANSWERING + "while True: answer(ask())\n", requests=ASKED, answers=ASKED),
    Attack("answers before it is asked", ANSWERING + "answer(b'0\\n' * 9)\n", None,
           ending=Ending.PROTOCOL, exit_code=None, requests=ASKED, answers=(b"0",)),
    Attack("answers twice", ANSWERING + "while True: answer(ask() * 2)\n", ending=Ending.PROTOCOL, exit_code=None,
           requests=ASKED, answers=(b"0",)),
    Attack("answers once more after the last", ANSWERING + r"""
for _ in range(3): answer(ask())
print(os.read(reads, 1))
answer(b'more\n')
import time
time.sleep(100)
""", ending=Ending.PROTOCOL, exit_code=None, requests=ASKED, answers=ASKED),
    Attack("stays after its last answer", ANSWERING + "for _ in range(3): answer(ask())\nwhile True: pass\n",
           exit_code=None, requests=ASKED, answers=ASKED),
    Attack("a line without end", ANSWERING + "while True: answer(b'x' * 65536)\n", ending=Ending.PROTOCOL,
           exit_code=None, requests=ASKED),
    Attack("half an answer", ANSWERING + "answer(ask())\nask()\nanswer(b'half')\nos._exit(0)\n", requests=ASKED, answers=(b"0",)),
    Attack("leaves early", ANSWERING + "answer(ask())\nos._exit(3)\n", exit_code=3, requests=ASKED, answers=(b"0",)),
    Attack("never reads", ANSWERING + "import time\ntime.sleep(100)\n", ending=Ending.TIMEOUT, exit_code=None,
           limits=quick(), requests=(b"x" * 4 * MIB,)),
    Attack("never reads and leaves", ANSWERING + "os._exit(0)\n", requests=(b"x" * 4 * MIB,)),
    Attack("closes its ears and stays", ANSWERING + r"""
os.close(reads)
import time
time.sleep(100)
""", ending=Ending.PROTOCOL, exit_code=None, requests=(b"x" * 4 * MIB,)),
    Attack("closes its mouth and stays", ANSWERING + r"""
answer(ask())
os.close(writes)
import time
time.sleep(100)
""", ending=Ending.PROTOCOL, exit_code=None, requests=ASKED, answers=(b"0",)),
    Attack("closes its mouth and leaves", ANSWERING + "os.close(writes)\nask()\nos._exit(5)\n", exit_code=5, requests=ASKED),
    Attack("a daemon that holds the pipes", ANSWERING + r"""
for _ in range(3): answer(ask())
if os.fork() == 0:
    import time
    time.sleep(1000)
os._exit(0)
""", requests=ASKED, answers=ASKED),
    Attack("bytes of all kinds", ANSWERING + "ask()\nanswer(bytes(b for b in range(256) if b != 10) + b'\\n')\n",
           requests=(b"0",), answers=(bytes(b for b in range(256) if b != 10),)),
    Attack("nothing was asked", ANSWERING + "print(os.read(reads, 1))\n", "b''\n", requests=()),
    Attack("its pipes are all it has", ANSWERING + r"""
print(len(os.listdir('/proc/self/fd')) == 6 and all(attempt(os.fstat, fd) == 'done' for fd in (0, 1, 2, reads, writes)))
""", "True\n", requests=()),
)  # fmt: skip

COLLECTING = (
    Attack("an honest build", "open('out', 'wb').write(b'built')\n", collect="out", collected=b"built"),
    Attack("nothing built", "", collect="out"),
    Attack("a build that failed", "open('out', 'wb').write(b'built')\nraise SystemExit(1)\n", exit_code=1, collect="out"),
    Attack("a link out of the workspace", "import os\nos.symlink('/usr/bin/env', 'out')\n", None, collect="out"),
    Attack("a folder that is a link", "import os\nos.symlink('/usr/bin', 'out')\n", None, collect="out/env"),
    Attack("a pipe nobody writes to", "import os\nos.mkfifo('out')\n", None, collect="out"),
    Attack("a link to a device without end", "import os\nos.symlink('/dev/zero', 'out')\n", None, collect="out"),
    Attack("a huge file of nothing", r"""
with open('out', 'wb') as file: file.truncate(16 << 20)
""", collect="out"),
    Attack("a folder", "import os\nos.mkdir('out')\n", None, collect="out"),
    Attack("a link to the files of the job", "import os\nos.symlink(BOX + '/lib.py', 'out')\n", None, collect="out"),
)  # fmt: skip

ATTACKS = (*READING, *LEAVING, *HARMING, *TALKING, *COLLECTING)

# Without namespaces the same attacks fail in other words, or the machine's own limits hold instead of the box's.
_OTHER_WORDS = {
    "thread bomb", "zombies", "memory that is no process's", "files as large as can be", "killing all",
    "stopping its parents",
}  # fmt: skip
WITHOUT_NAMESPACES = (
    READING[0],
    *(attack for attack in (*HARMING, *TALKING, *COLLECTING) if attack.name not in _OTHER_WORDS),
    Attack("keys of the machine", r"""
from lib import *
print(attempt(open, HOST_FILE), attempt(open, '/etc/passwd'), attempt(open, '/proc/1/environ'))
""", "EACCES EACCES EACCES\n"),
    Attack("a file beside its own", r"""
import os
from lib import *
for top in ('/', '/usr', '/tmp', '/var/tmp', '/dev/shm', '/etc', BOX, os.path.dirname(BOX)):
    print(attempt(lambda: open(os.path.join(top, TOKEN), 'w')))
""", r"((EACCES|EROFS)\n){8}", pattern=True),
    Attack("the network", r"""
import socket
from lib import *
print(attempt(socket.create_connection, ('127.0.0.1', PORT), 2), attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM))
print(attempt(socket.socket, 40, socket.SOCK_STREAM), attempt(socket.socket(socket.AF_UNIX).connect, '\0' + TOKEN))
""", r"EACCES EPERM\n(EPERM|EACCES|EAFNOSUPPORT|ENODEV) EPERM\n", pattern=True),
    Attack("the processes of the machine", r"""
import os, signal
from lib import *
print(attempt(os.kill, 1, 0), attempt(os.kill, os.getppid(), signal.SIGKILL), attempt(open, '/proc/1/mem'))
print(call(numbers(101, 117), 16, os.getppid(), 0, 0), call(numbers(272, 97), 0x10000000), call(numbers(319, 279), b'x', 0))
""", "EPERM EPERM EACCES\nEPERM EPERM EPERM\n"),
)  # fmt: skip


def run_attack(sandbox: Sandbox, attack: Attack, host_file: Path) -> list[str]:
    """Run one attack and return all that was wrong, empty when the box held."""
    token = f"evalkit-token-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as nameless:
        nameless.bind(f"\0{token}")
        nameless.listen()
        return _run(sandbox, attack, host_file, token, server.getsockname()[1])


def _run(sandbox: Sandbox, attack: Attack, host_file: Path, token: str, port: int) -> list[str]:
    known = "BOX, TEMP = sys.argv[1:]\nsys.path.insert(0, BOX)\n"
    known += f"CANARY, TOKEN, PORT, HOST_FILE = {CANARY!r}, {token!r}, {port}, {str(host_file)!r}\n"
    source = f"import sys\n{known}{attack.source}"
    job = BoxJob(
        (*PYTHON, "/ws/attack.py", "/box", "/tmp"),
        {"attack.py": source.encode()},
        files={"/box/lib.py": LIBRARY.encode()},
        environment={"TOKEN": token},
        collect=attack.collect,
        collect_bytes=8 * MIB,
    )
    with adopting_orphans():
        descriptors = open_descriptors()
        try:
            result = sandbox.run(job, attack.limits, attack.requests)
        except SandboxError as error:
            return [f"no box: {error}"]
        problems = [*differences(attack, result)]
        if open_descriptors() != descriptors:
            problems.append(f"descriptors are left open: {open_descriptors() - descriptors}")
        if children := find_children():
            problems.append(f"processes are left: {children}")
    problems += [f"written outside: {path}" for path in find_written(token)]
    everything = b"".join((result.stdout, result.stderr, *result.answers, result.collected or b""))
    if CANARY.encode() in everything:
        problems.append("the canary came out")
    return problems


_FIRST_SEEN = ((Ending.EXITED, 0), (Ending.OUTPUT, None))


def differences(attack: Attack, result: BoxResult) -> Iterator[str]:
    """Yield how the result differs from what must come of the attack."""
    said = result.stdout.decode(errors="backslashreplace")
    tail = result.stderr[-300:].decode(errors="replace")
    ending = (result.ending, result.exit_code)
    if ending not in (_FIRST_SEEN if attack.ending is None else [(attack.ending, attack.exit_code)]):
        yield f"ended with {result.ending} {result.exit_code}, said {said[-300:]!r}, complained {tail!r}"
    if attack.says is not None:
        same = re.fullmatch(attack.says, said) if attack.pattern else said == attack.says
        if not same:
            yield f"said {said[-1000:]!r}, complained {tail!r}"
    if result.answers != attack.answers:
        yield f"answered {result.answers!r:.300}"
    if result.collected != attack.collected:
        yield f"collected {result.collected!r:.300}"
    limits = attack.limits
    if max(len(result.stdout), len(result.stderr)) > limits.output_bytes:
        yield "more was kept than asked for"
    if result.wall_s > limits.wall_s + 5:
        yield f"took {result.wall_s:.1f} s"


# Those of other tests: a browser, a server that a fixture keeps.
_OTHERS: set[int] = set()


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Have every process that loses its parent become ours, so that none can be left without being seen."""
    libc = ctypes.CDLL(None)
    _OTHERS.clear()
    _OTHERS.update(_children())
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def find_children() -> list[str]:
    """Return our children that are still running and came since, by name; those that have just ended are buried."""
    until = time.monotonic() + 2
    while (left := _children() - _OTHERS) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in left]


def _children() -> set[int]:
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found |= {int(pid) for pid in (thread / "children").read_text().split()}
    return found


def open_descriptors() -> set[str]:
    """Return the descriptors that this process has open, and what they are."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{descriptor.name} {descriptor.readlink()}")
        except OSError:
            continue
    return {one for one in found if "/proc/" not in one}


def find_written(token: str) -> list[str]:
    """Return files of that name in the places of this machine where anybody might write."""
    places = [
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        "/usr",
        "/usr/local/bin",
        "/etc",
        "/root",
        "/home",
        "..",
        ".",
    ]
    return [str(Path(place, token)) for place in places if os.path.lexists(Path(place, token))]


def main() -> int:
    """Run all attacks and print what was wrong."""
    os.environ["EVALKIT_CANARY_KEY"] = CANARY
    sandbox = find_sandbox(sys.argv[1] if len(sys.argv) > 1 else "auto")
    attacks = ATTACKS if sandbox.name == "bubblewrap" else WITHOUT_NAMESPACES
    chosen = [attack for attack in attacks if len(sys.argv) < 3 or re.search(sys.argv[2], attack.name)]
    with tempfile.TemporaryDirectory() as folder:
        host_file = Path(folder, "key.txt")
        host_file.write_text(CANARY)
        found = {attack.name: run_attack(sandbox, attack, host_file) for attack in chosen}
    print(  # noqa: T201
        json.dumps({"user": os.getuid(), "ran": len(found), "wrong": {name: bad for name, bad in found.items() if bad}})
    )
    return any(found.values())


if __name__ == "__main__":
    sys.exit(main())
