/**
 * Counts the assertions in a file of TAP, as tap's own summary does: node .ci/tap-count.mjs FILE
 *
 * Prints `passed failed`. A run that produced nothing, ended early or broke its plan counts as one failure at least,
 * whatever was printed before.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Parser } from 'tap-parser'

let passed = 0
let failed = 0
const parser = new Parser()
parser.on('result', ({ ok, todo, skip }) => {
  if (todo || skip) return
  if (ok) passed += 1
  else failed += 1
})
await pipeline(createReadStream(process.argv[2]), parser)

const sound = parser.ok && passed > 0
console.log(`${passed} ${failed > 0 || sound ? failed : 1}`)
