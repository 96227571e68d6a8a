// holds.mjs FILE EXPRESSION...   each JavaScript expression must be true of the JSON object in FILE; its keys are plain names.
// Prints those that are not, with the values of the keys they mention. Exit 0 when all hold.
import fs from 'node:fs';

const [file, ...expressions] = process.argv.slice(2);
let object;
try { object = JSON.parse(fs.readFileSync(file, 'utf8')); } catch (e) { console.log(`no result: ${e.message}`); process.exit(1); }
const scope = new Proxy(object, { has: (o, key) => key in o || !(key in globalThis), get: (o, key) => key === Symbol.unscopables ? undefined : o[key] });

let failed = 0;
for (const expression of expressions) {
    let verdict;
    try { verdict = new Function('scope', `with (scope) { return (${expression}); }`)(scope); } catch (e) { verdict = e.message; }
    if (verdict === true) continue;
    failed++;
    const mentioned = Object.keys(object).filter(key => new RegExp(`\\b${key}\\b`).test(expression));
    const values = mentioned.map(key => `${key} = ${JSON.stringify(object[key])}`.slice(0, 900));
    console.log(`does not hold: ${expression}${verdict === false ? '' : ` (${verdict})`}${values.map(v => `\n    ${v}`).join('')}`);
}
process.exit(failed ? 1 : 0);
