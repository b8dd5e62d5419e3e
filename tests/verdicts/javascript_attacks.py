# ruff: noqa: E501 - programs are clearest unbroken
"""Attacks in JavaScript, on the task with the to-do list, and in the script of a page, on the task with the form."""

from __future__ import annotations

from verdicts.table import HTML, JAVASCRIPT, VerdictAttack

# Finds the pipes where no program can take them away: in what the kernel has kept of its start.
PIPES = """\
const kept = require('fs').readFileSync('/proc/self/environ', 'latin1');
const [READS, WRITES] = /EVALKIT_PIPES=([0-9]+),([0-9]+)/.exec(kept).slice(1).map(Number);
"""
SHOWING = r"""
const files = require('fs');
function show(path, most = 100000) {
  try {
    const fd = files.openSync(path, 'r'), data = Buffer.alloc(most);
    console.log(path, data.subarray(0, files.readSync(fd, data, 0, most, null)).toString('latin1'));
    files.closeSync(fd);
  } catch (error) { console.log(path, error.code); }
}
function showBelow(top, without) {
  let entries = [];
  try { entries = files.readdirSync(top, { withFileTypes: true }); } catch { return; }
  for (const entry of entries) {
    const path = top + '/' + entry.name;
    if (without.includes(entry.name)) continue;
    if (entry.isDirectory()) showBelow(path, without); else if (entry.isFile()) show(path, 20000);
  }
}
"""
PATCHED = r"""
{
  const files = require('fs'), lie = () => '{"ok":{"code":0}}';
  JSON.stringify = lie; files.writeSync = files.readSync = files.write = files.read = lie;
  process.stdout.write = process.stderr.write = process.exit = process.reallyExit = lie;
  Reflect.apply = Reflect.ownKeys = lie; require('util').types.isProxy = () => false;
  TextEncoder.prototype.encode = TextDecoder.prototype.decode = lie;
  String.prototype.toJSON = Number.prototype.toJSON = lie;
}
"""


def attack(name: str, ends: str, source: str, prints: bytes = b"", **others: str) -> VerdictAttack:
    """Return the attack of a src/cli.js, and of other files beside it by name, `_` for a dot."""
    files = {f"src/{file.replace('_', '.')}": text for file, text in others.items()}
    return VerdictAttack(JAVASCRIPT, name, ends, {"src/cli.js": source, **files}, prints=prints)


def page(name: str, ends: str, source: str, prints: bytes = b"") -> VerdictAttack:
    """Return the attack of a validator.js."""
    return VerdictAttack(HTML, name, ends, {"validator.js": source}, prints=prints)


ATTACKS = (
    attack("exits while it is loaded", "crash", "process.exit(0);\n"),
    attack("exits in the middle of its calls", "crash", "let calls = 0;\nmodule.exports = { run() { calls += 1; if (calls > 3) process.reallyExit(0); return { code: 0, output: [], state: null }; } };\n"),
    attack("exits when the event loop comes round", "crash", "setImmediate(() => process.exit(0));\nmodule.exports = { run: () => new Promise(() => setInterval(() => {}, 9)) };\nprocess.on('beforeExit', () => process.exit(0));\nprocess.exit(0);\n"),
    attack("kills itself", "crash", "process.kill(process.pid, 'SIGKILL');\n"),
    attack("answers a proxy that is everything", "fail", "const every = new Proxy(function () {}, { get: (_, key) => key === Symbol.toPrimitive ? () => 0 : every, apply: () => every, has: () => true, getPrototypeOf: () => Object.prototype, ownKeys: () => [], getOwnPropertyDescriptor: () => undefined });\nmodule.exports = { run: () => ({ code: every, output: every, state: every }) };\n"),
    attack("answers objects that write themselves", "fail", "class Every { toJSON() { return 0; } valueOf() { return 0; } toString() { return ''; } [Symbol.toPrimitive]() { return 0; } }\nmodule.exports = { run: () => ({ code: new Every(), output: new Every(), state: new Every() }) };\n"),
    attack("answers promises that never settle", "fail", "module.exports = { get run() { throw undefined; } };\n"),
    attack("answers an array a million long", "fail", "module.exports = { run: () => ({ code: 0, output: new Array(1e9), state: null }) };\n"),
    attack("patches what answers are made with, over wrong code", "fail", "<<start>>\n" + PATCHED),
    attack("patches what answers are made with, over right code", "pass", "<<right>>\n" + PATCHED),
    attack("pollutes the prototype of all objects", "fail", "<<start>>\nfor (const name of ['ok', 'code', 'state', 'output', 'then', 'value', 'call', 'fn']) Object.prototype[name] = 0;\n"),
    attack("makes every object a promise", "fail", "<<start>>\nObject.prototype.then = function (resolve) { resolve(0); };\n"),
    attack("replaces the driver in the cache of modules", "fail", "<<start>>\nfor (const path of Object.keys(require.cache)) if (path.includes('driver')) { require.cache[path].exports.call = () => ({ code: 0 }); console.log('replaced'); }\nrequire.main.exports.call = () => 0;\n", prints=b"replaced"),
    attack("writes answers ahead of the requests", "protocol", PIPES + "require('fs').writeSync(WRITES, '{\"ok\":{}}\\n'.repeat(100));\n<<right>>\n"),
    attack("answers twice", "protocol", PIPES + "<<right>>\nconst honest = module.exports.run;\nmodule.exports.run = (...args) => { require('fs').writeSync(WRITES, '{\"ok\":{}}\\n'); return honest(...args); };\n"),
    attack("answers from a worker as well", "protocol", PIPES + "<<right>>\nnew (require('worker_threads').Worker)(`const fs = require('fs'); for (;;) { fs.writeSync(${WRITES}, '{\"ok\":{}}\\\\n'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); }`, { eval: true });\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);\n"),
    attack("takes the pipes over and guesses", "fail", PIPES + "const fs = require('fs'), data = Buffer.alloc(1 << 20);\nfor (;;) { fs.writeSync(WRITES, '{\"ok\":{\"code\":0,\"output\":[],\"state\":null,\"given\":null}}\\n'); let end = 0; while (!data.subarray(0, end).includes(10)) { const count = fs.readSync(READS, data, end, data.length - end, null); if (count === 0) process.exit(0); end += count; } }\n"),
    attack("shows every file and environment that it can read", "fail", SHOWING + r"""
showBelow('', ['usr', 'proc', 'sys', 'dev', 'lib', 'lib64', 'bin', 'sbin']);
for (const top of ['/proc/1/root', '/proc/self/cwd/..', '/work', '/root', '/home', '/etc', '/var']) showBelow(top, ['usr', 'proc', 'sys', 'dev', 'lib', 'lib64', 'bin', 'sbin']);
for (const pid of files.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).concat('self', String(process.ppid))) for (const name of ['environ', 'cmdline', 'mountinfo', 'maps']) show(`/proc/${pid}/${name}`);
show('<<host_file>>'); show('/etc/shadow'); console.log(process.env, 'shown');
<<start>>
""", prints=b"shown"),
    attack("searches its heap for what is expected", "fail", r"""
const heap = require('v8').getHeapSnapshot(), words = ['"exp' + 'ect"', 'cana' + 'ry', 'error' + '": true'];
let text = ''; for (let piece; (piece = heap.read()) !== null;) text += piece;
for (const word of words) for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 300)) console.log(text.slice(Math.max(0, at - 100), at + 200));
console.log('searched');
<<start>>
""", prints=b"searched"),
    attack("kills its parents and everybody else", "crash", "for (const pid of [process.ppid, 1, -1]) try { process.kill(pid, 'SIGKILL'); } catch {}\nprocess.exit(0);\n"),
    attack("leaves daemons that hold the pipes behind right code", "pass", PIPES + "for (let n = 0; n < 3; n += 1) require('child_process').spawn('/usr/bin/sleep', ['600'], { detached: true, stdio: ['ignore', 'inherit', 'inherit', READS, WRITES] }).unref();\n<<right>>\n"),
    attack("rewrites the harness and the driver", "fail", "for (const path of ['/box/harness.js', '/box/driver.js', '/box/x', '/<<token>>', '/tmp/../<<token>>', '/proc/1/cwd/<<token>>']) try { require('fs').writeFileSync(path, 'x'); console.log('rewrote', path); } catch (error) { console.log('refused', error.code); }\n<<start>>\n", prints=b"refused EROFS"),
    attack("asks the network for the answer", "fail", "require('net').connect(80, '1.1.1.1').on('error', (error) => console.log('network', error.code));\nrequire('dns').lookup('example.com', (error) => console.log(error && error.code));\n<<start>>\n"),
    attack("takes more memory than it may", "memory", "const all = []; for (;;) all.push(Buffer.alloc(16 << 20, 1));\n"),
    attack("says more than anybody reads", "output", "const text = 'x'.repeat(1 << 20); for (;;) require('fs').writeSync(1, text);\n"),
    attack("says bytes that are no text beside right code", "pass", "<<right>>\nrequire('fs').writeSync(1, Buffer.from(Array.from({ length: 256 }, (_, n) => n)));\nrequire('fs').writeSync(2, Buffer.from([255, 254, 0]));\n", prints=b"\xfd\xfe\xff"),
    attack("packages and settings beside right code", "pass", "<<right>>\n", package_json='{"main": "exit.js", "scripts": {"postinstall": "exit 1"}}\n', index_js="process.exit(0);\n", _noderc="--require ./index.js\n", driver_js="process.exit(0);\n"),
    attack("does not parse", "fail", "let let = 3;\n"),
    VerdictAttack(JAVASCRIPT, "a link to a file of the machine", "invalid_patch", {}, diff="diff --git a/src/keys.js b/src/keys.js\nnew file mode 120000\n--- /dev/null\n+++ b/src/keys.js\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"),
    VerdictAttack(JAVASCRIPT, "a package of the harness's name outside src", "protected_path", {"node_modules/fs/index.js": "process.exit(0);\n"}),
    # pages
    page("a page that leaves its window and exits", "crash", "for (const thing of [window, document, setTimeout, console, new Event('x'), localStorageOrNot()]) { try { const out = thing.constructor.constructor('return process')(); out.exit(0); } catch (error) { console.log(String(error)); } }\nfunction localStorageOrNot() { try { return localStorage; } catch { return {}; } }\n"),
    page("a page that leaves its window and answers ahead of the requests", "protocol", "for (const thing of [window, document, setTimeout, console, new Event('x')]) { try { const out = thing.constructor.constructor('return process')(), fs = out.mainModule.require('fs'); fs.writeSync(Number(/EVALKIT_PIPES=[0-9]+,([0-9]+)/.exec(fs.readFileSync('/proc/self/environ', 'latin1'))[1]), '{\"ok\":[]}\\n'.repeat(9)); } catch (error) { console.log(String(error)); } }\n"),
    page("a page that leaves timers, frames and noise beside right code", "pass", "<<right>>\nsetInterval(() => {}, 1); console.log('{\"ok\":[]}'); window.addEventListener('error', () => {}); document.body.append(document.createElement('iframe'));\n"),
    page("a page that patches what the driver looks with", "fail", "const every = new Proxy(function () {}, { get: () => every, apply: () => every });\nDocument.prototype.getElementById = Document.prototype.querySelector = Document.prototype.querySelectorAll = () => every;\nElement.prototype.getAttribute = () => null;\nwindow.JSON.stringify = () => '{}';\n"),
    page("a page that reads files of the machine", "fail", "for (const url of ['file:///etc/passwd', 'file://<<host_file>>', 'file:///proc/self/environ', '/etc/passwd', 'http://127.0.0.1/']) { try { const request = new XMLHttpRequest(); request.open('GET', url, false); request.send(); document.title += request.responseText; } catch (error) { document.title += String(error); } const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); }\n"),
    page("a page without a script", "fail", "throw new Error('nothing');\n"),
)  # fmt: skip
