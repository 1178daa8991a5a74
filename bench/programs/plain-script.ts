/** What one writes instead of `millrace run`: lines of a file, parsed and handled in a loop. Argument: the file. */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import handle, { type FlightLine } from './light-handler.ts'

// Its event is faster than `for await`.
const lines = createInterface({
  input: createReadStream(process.argv[2] as string),
  crlfDelay: Number.POSITIVE_INFINITY,
})
let processed = 0
lines.on('line', line => {
  handle({ value: JSON.parse(line) as FlightLine })
  processed++
})
await once(lines, 'close')
console.log(JSON.stringify({ processed }))
