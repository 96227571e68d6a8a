// What Node's URL, the older url.parse and an Express 5 application make of each path on standard input: one line of letters each,
// `p` below /private, `t` below /team, `o` below /open, `-` for the rest,
// the capital for the path itself; `q` where the query has key=SECRET, `n` where it has not.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import path from 'node:path';
import querystring from 'node:querystring';
import url from 'node:url';

const require = createRequire(process.argv[2] + '/');
const qs = require('qs');
const express = require('express');
const NAMES = { '/private': 'p', '/team': 't', '/open': 'o' };

function letter(read) {
  for (const [name, letter] of Object.entries(NAMES)) {
    if (read === name) return letter + letter.toUpperCase();
    if (read.startsWith(name + '/')) return letter;
  }
  return '-';
}

// As a program that compares with, and one that compares without, the case of letters.
function letters(read) {
  return letter(read) + letter(read.toLowerCase());
}

// Whether one of the values of `key` is the secret, to programs that take the first, the last or any.
function query(values) {
  const all = [values ?? []].flat();
  return (all.includes('SECRET') ? 'q' : '') + (all.length && all.every((value) => value === 'SECRET') ? '' : 'n');
}

function decoded(text, layers) {
  try {
    for (let layer = 0; layer < layers; layer++) text = decodeURIComponent(text);
    return text;
  } catch {
    return null;
  }
}

let found;
const lines = [];
const app = express();
for (const [name, letter] of Object.entries(NAMES)) {
  app.all([name, name + '/*rest'], (req, res) => { found += letter; });
}
app.use((req, res) => { found += '-'; });
const routed = express();
for (const [name, letter] of Object.entries(NAMES)) routed.use(name, () => { found += letter; });
routed.use(() => { found += '-'; });

for await (const target of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  found = '';
  const readings = [];
  try {
    readings.push(new URL(target, 'http://localhost').pathname);
  } catch { /* It has no host: no program goes on with that. */ }
  readings.push(target.split('?')[0]);
  try {
    readings.push(url.parse(target).pathname ?? '/');
  } catch { /* The same. */ }
  for (const raw of new Set(readings)) {
    for (const layers of raw.includes('%') ? [0, 1, 2] : [0]) {
      const once = decoded(raw, layers);
      if (once === null) break;
      found += letters(once) + letters(path.posix.normalize(once));
      try {
        found += letters(new URL(once, 'http://localhost').pathname);
      } catch { /* The same. */ }
    }
  }
  const text = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
  try {
    found += query(new URL(target, 'http://localhost').searchParams.getAll('key'));
  } catch { /* The same. */ }
  found += query(querystring.parse(text).key) + query(new URLSearchParams(text).getAll('key'));
  found += query(Object.values(qs.parse(text).key ?? []).length && typeof qs.parse(text).key === 'object' ? Object.values(qs.parse(text).key) : qs.parse(text).key);
  for (const one of [app, routed]) {
    const done = (error) => { found += error ? '' : '-'; };
    try {
      one.handle({ url: target, method: 'GET', headers: {} }, { setHeader() {}, getHeader() {}, end() {} }, done);
    } catch { /* It answers 400 or 500. */ }
  }
  lines.push([...new Set(found)].join(''));
  if (lines.length === 1000) console.log(lines.splice(0).join('\n'));
}
if (lines.length) console.log(lines.join('\n'));
