/**
 * Reads a program's output from stdin, finds the JSON in it (npm prints its banner before) and compares top-level
 * members: program | node .ci/check-json.mjs [name=number …]
 *
 * Exits with 1, naming the members that differ, or when there is no JSON object or array.
 */
import { text } from 'node:stream/consumers'

const output = await text(process.stdin)
process.stdout.write(output.length > 2_000 ? `${output.slice(0, 2_000)} …\n` : output)

const start = output.search(/^[{[]/m)
if (start === -1) throw new Error('the program printed no JSON')
const found = JSON.parse(output.slice(start))

const expected = process.argv.slice(2).map(argument => argument.split('='))
const wrong = expected.filter(([name, value]) => found[name] !== Number(value))
for (const [name, value] of wrong) console.error(`${name} is ${found[name]} and should be ${value}`)
if (wrong.length > 0) process.exitCode = 1
