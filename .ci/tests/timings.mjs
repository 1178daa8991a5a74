/**
 * What each test file is expected to cost, in seconds of processor time on the reference machine: kept in timings.json,
 * which orders and bounds the runs and decides nothing else. `node .ci/suite.mjs --keep-timings` writes it.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const FILE = new URL('./timings.json', import.meta.url)
/** Of a file that nobody has measured. */
const UNKNOWN_S = 1

const kept = JSON.parse(readFileSync(FILE, 'utf8'))

export function expectedSeconds(path) {
  return kept[path] ?? UNKNOWN_S
}

/** Keeps what was measured, and forgets files that are gone. */
export function keepTimings(measured, existing) {
  const all = { ...kept, ...measured }
  const lines = existing
    .filter(path => all[path] !== undefined)
    .sort()
    .map(path => `  ${JSON.stringify(path)}: ${Math.max(0.1, Number(all[path].toFixed(1)))}`)
  writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`)
}
