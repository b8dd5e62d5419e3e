'use strict';

/*
 * Runs inside the box for the languages javascript and html: reads one request a line, asks the task's driver,
 * writes one answer a line. The driver is `driver.js` beside this file; the workspace is the current folder.
 *
 *   EVALKIT_PIPES="R,W"   two inherited file descriptors: requests come from R, answers go to W
 *   request               {"fn": "name", "args": [...]}
 *   answer                {"ok": VALUE} or {"error": "Kind", "message": "at most 200 characters"}
 *
 * Candidate code runs in this same process and may change every global object. So everything used here is taken
 * before the driver loads, methods are applied without a look at a prototype, arrays are never iterated or pushed
 * to, and values are encoded by hand: only primitives, plain objects and plain arrays pass. What is left for a
 * candidate to forge is an answer, and which answers are expected is known outside the box only.
 *
 * A call whose promise can never settle (nothing is left to run) is answered with the error `NeverSettled`; no
 * clock is involved. Exit codes: 0 when the requests end, 97 when pipes or driver are missing (the machine's fault), 98 when a
 * pipe broke.
 */

const fs = require('fs');
const path = require('path');
const util = require('util');

const MESSAGE_CHARACTERS = 200;
const NAME_CHARACTERS = 80;
const DEEPEST_VALUE = 200;
const ANSWER_CHARACTERS = 300000; // at most 3 bytes each: below the longest answer a box lets out
const CHUNK_BYTES = 65536;
const NEWLINE = '\n';

const { apply, ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { readSync, writeSync } = fs;
const { isProxy } = util.types;
const { parse, stringify } = JSON;
const { isArray } = Array;
const { wait } = Atomics;
const NativePromise = Promise;
const asText = String;
const textOfNumber = Number.prototype.toString;
const sliceText = String.prototype.slice;
const findText = String.prototype.indexOf;
const codeAt = String.prototype.charCodeAt;
const subarray = Uint8Array.prototype.subarray;
const decoder = new TextDecoder('utf-8');
const encoder = new TextEncoder();
const decodeBytes = TextDecoder.prototype.decode;
const encodeText = TextEncoder.prototype.encode;
const arrayPrototype = Array.prototype;
const objectPrototype = Object.prototype;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const exit = process.exit;

function slice(text, start, end) {
  return apply(sliceText, text, [start, end]);
}

/* The pipes. */

function takePipes() {
  const [requests, answers] = (process.env.EVALKIT_PIPES || '').split(',').map(Number);
  delete process.env.EVALKIT_PIPES;
  if (!Number.isInteger(requests) || !Number.isInteger(answers)) {
    process.stderr.write('harness: EVALKIT_PIPES must be two numbers of file descriptors, as in "3,4"\n');
    exit(97);
  }
  return { requests, answers };
}

/* Runs `step` again as long as the descriptor is not ready (it may have been made non-blocking). */
function whenReady(step) {
  for (;;) {
    try {
      return step();
    } catch (error) {
      if (error.code !== 'EAGAIN' && error.code !== 'EINTR') throw error;
      wait(sleeper, 0, 0, 1);
    }
  }
}

const chunk = new Uint8Array(CHUNK_BYTES);
const moreFollows = { __proto__: null, stream: true };
let received = '';

/* The next request line without its end, or null when there are no more. */
function readLine(descriptor) {
  for (;;) {
    const end = apply(findText, received, [NEWLINE]);
    if (end >= 0) {
      const line = slice(received, 0, end);
      received = slice(received, end + 1, received.length);
      return line;
    }
    const count = whenReady(() => readSync(descriptor, chunk, 0, CHUNK_BYTES, null));
    if (count === 0) return null;
    received += apply(decodeBytes, decoder, [apply(subarray, chunk, [0, count]), moreFollows]);
  }
}

function writeLine(descriptor, line) {
  const bytes = apply(encodeText, encoder, [line + NEWLINE]);
  const { length } = bytes;
  let written = 0;
  while (written < length) {
    const from = written;
    written += whenReady(() => writeSync(descriptor, bytes, from, length - from, null));
  }
}

/* The encoder. `room` counts down the characters an answer may still have. */

class AnswerTooLarge extends Error {}

function take(room, text) {
  room.left -= text.length;
  if (room.left < 0) throw new AnswerTooLarge();
  return text;
}

/* What is written for a value that is no plain data. */
function named(name) {
  return '{"$type":' + stringify(slice(name, 0, NAME_CHARACTERS)) + '}';
}

/* Name of the class of an object, read without running code of the candidate. */
function className(value) {
  let holder = value;
  for (let level = 0; holder !== null && !isProxy(holder) && level < DEEPEST_VALUE; level += 1) {
    const found = getOwnPropertyDescriptor(holder, 'constructor');
    if (found !== undefined) {
      const maker = found.value;
      if (typeof maker !== 'function' || isProxy(maker)) return 'Object';
      const name = getOwnPropertyDescriptor(maker, 'name');
      return name !== undefined && typeof name.value === 'string' && name.value !== '' ? name.value : 'Object';
    }
    holder = getPrototypeOf(holder);
  }
  return 'Object';
}

function encodeNumber(value) {
  if (value !== value) return '{"$float":"nan"}';
  if (value === Infinity) return '{"$float":"inf"}';
  if (value === -Infinity) return '{"$float":"-inf"}';
  return apply(textOfNumber, value, []);
}

function isAbove(value, parents) {
  for (let parent = parents; parent !== null; parent = parent.above) {
    if (parent.value === value) return true;
  }
  return false;
}

function encodeMember(holder, key, parents, room) {
  const member = getOwnPropertyDescriptor(holder, key);
  if (member === undefined) return take(room, named('hole'));
  if (!('value' in member)) return take(room, named('accessor'));
  return encode(member.value, parents, room);
}

function encodeArray(value, parents, room) {
  const { length } = value;
  let text = take(room, '[');
  for (let index = 0; index < length; index += 1) {
    if (index > 0) text += take(room, ',');
    text += encodeMember(value, asText(index), parents, room);
  }
  return text + take(room, ']');
}

function encodePlainObject(value, parents, room) {
  const keys = ownKeys(value);
  let text = take(room, '{');
  let first = true;
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index];
    if (typeof key !== 'string' || !getOwnPropertyDescriptor(value, key).enumerable) continue;
    if (!first) text += take(room, ',');
    first = false;
    text += take(room, stringify(key) + ':') + encodeMember(value, key, parents, room);
  }
  return text + take(room, '}');
}

function encodeObject(value, parents, room) {
  if (isProxy(value)) return take(room, named('Proxy'));
  if (isAbove(value, parents)) return take(room, named('cycle'));
  const depth = parents === null ? 1 : parents.depth + 1;
  if (depth > DEEPEST_VALUE) return take(room, named('too deep'));
  const prototype = getPrototypeOf(value);
  const here = { __proto__: null, value, above: parents, depth };
  if (isArray(value) && prototype === arrayPrototype) return encodeArray(value, here, room);
  if (!isArray(value) && (prototype === objectPrototype || prototype === null)) {
    return encodePlainObject(value, here, room);
  }
  return take(room, named(className(value)));
}

function encode(value, parents, room) {
  if (value === null) return take(room, 'null');
  switch (typeof value) {
    case 'string':
      return take(room, stringify(value));
    case 'number':
      return take(room, encodeNumber(value));
    case 'boolean':
      return take(room, value ? 'true' : 'false');
    case 'object':
      return encodeObject(value, parents, room);
    case 'undefined':
      return take(room, named('undefined'));
    case 'bigint':
      return take(room, named('BigInt'));
    case 'symbol':
      return take(room, named('Symbol'));
    default:
      return take(room, named('Function'));
  }
}

/* The answers. */

/* At most `most` characters of a text, without half of a surrogate pair at its end. */
function shorten(text, most) {
  if (text.length <= most) return text;
  const last = apply(codeAt, text, [most - 1]);
  return slice(text, 0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

function errorAnswer(kind, message) {
  const name = stringify(shorten(kind, NAME_CHARACTERS));
  return '{"error":' + name + ',"message":' + stringify(shorten(message, MESSAGE_CHARACTERS)) + '}';
}

function textMember(thrown, key) {
  const value = thrown[key];
  return typeof value === 'string' ? value : null;
}

/* The answer for what was thrown: its `name` is the kind of the error; whatever has no name is "Thrown". */
function answerForThrown(thrown) {
  try {
    if (thrown instanceof AnswerTooLarge) return errorAnswer('AnswerTooLarge', 'the value is too large');
    if (typeof thrown === 'string') return errorAnswer('Thrown', thrown);
    if (typeof thrown !== 'object' || thrown === null || isProxy(thrown)) return errorAnswer('Thrown', '');
    return errorAnswer(textMember(thrown, 'name') || 'Thrown', textMember(thrown, 'message') || '');
  } catch {
    return errorAnswer('Thrown', '');
  }
}

async function ask(call, line) {
  try {
    const request = parse(line);
    const value = await call(request.fn, request.args);
    return '{"ok":' + encode(value, null, { __proto__: null, left: ANSWER_CHARACTERS }) + '}';
  } catch (thrown) {
    return answerForThrown(thrown);
  }
}

let giveUp = null;

/* The answer to one request, also when the call's promise never settles: then nothing is left to run. */
function answerTo(call, line) {
  return new NativePromise((resolve) => {
    giveUp = () => resolve(errorAnswer('NeverSettled', 'nothing is left to run and the promise is still pending'));
    (async () => resolve(await ask(call, line)))();
  });
}

async function serve(pipes, call) {
  try {
    for (;;) {
      const line = readLine(pipes.requests);
      if (line === null) break;
      const answer = await answerTo(call, line);
      giveUp = null;
      writeLine(pipes.answers, answer);
    }
  } catch {
    apply(exit, process, [98]);
  }
  apply(exit, process, [0]);
}

function loadDriver() {
  try {
    return require(path.join(__dirname, 'driver.js')).call;
  } catch (error) {
    process.stderr.write('harness: the driver cannot be loaded: ' + (error && error.stack) + '\n');
    return exit(97);
  }
}

const pipes = takePipes();
process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
process.on('beforeExit', () => {
  if (giveUp !== null) giveUp();
});
serve(pipes, loadDriver());
