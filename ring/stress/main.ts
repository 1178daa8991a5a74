/**
 * Real threads under stress: rings and windows whose threads stall and are killed at random moments.
 *
 * node ring/dist/stress/main.js [--seconds 60]
 *
 * `seconds` for two rings together, and as long for a window with three readers. No record may be lost, torn or out of
 * order. After a consumer's death records come again from its last release, and none is skipped. After a producer's
 * death its unpublished claims are absent. While all threads run nothing may stand still for a second, apart from the
 * watcher's own lateness. Prints counts; exits with 1 if anything was found, with 2 for wrong arguments.
 */
import { parseArgs } from 'node:util'
import { stressRing } from './stressed-ring.ts'
import { StressedWindow } from './stressed-window.ts'

const STALL_MS_MAX = 1_000

function secondsAsked(): number {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
  const seconds = Number(values.seconds)
  if (!(seconds > 0 && seconds <= 3_600)) throw new RangeError('--seconds takes a number above 0, at most 3600')
  return seconds
}

async function main(): Promise<void> {
  const seconds = secondsAsked()
  const problems: string[] = []
  const judge = (name: string, faults: readonly string[], longestStallMs: number): void => {
    problems.push(...faults.map(fault => `${name}: ${fault}`))
    if (longestStallMs > STALL_MS_MAX) problems.push(`${name}: stood still for ${longestStallMs.toFixed(0)} ms`)
  }
  console.log(`Node ${process.version}, ${seconds} s each`)
  const rings = await Promise.all([
    stressRing('js', 1_024, 0x7fffe000, seconds),
    stressRing('wasm', 65_536, 0xfff00000 | 0, seconds),
  ])
  for (const { kind, records, bytes, kills, repeated, longestStallMs, longestStartMs, faults } of rings) {
    const name = `ring of ${bytes} bytes, ${kind}`
    console.log(
      `${name}: ${records} records read, ${kills.producer} producers and ${kills.consumer} consumers killed, ` +
        `${repeated} records repeated, longest stall ${longestStallMs.toFixed(0)} ms, longest start ${longestStartMs.toFixed(0)} ms`,
    )
    judge(name, faults, longestStallMs)
  }
  const window = await new StressedWindow(32_768, 0x7fff8000).run(seconds)
  const { records, kills, detached, repeated, missed, longestStallMs, longestStartMs } = window
  console.log(
    `window of 32768 bytes: ${records} records read by three, ${kills.writer} writers and ${kills.readers} readers killed, ` +
      `${detached} readers detached (${missed} records missed by them), ${repeated} records repeated, ` +
      `longest stall ${longestStallMs.toFixed(0)} ms, longest start ${longestStartMs.toFixed(0)} ms`,
  )
  judge('window', window.faults, longestStallMs)
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(problems.length === 0 ? 'nothing was lost, torn, out of order or stalled' : `${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
