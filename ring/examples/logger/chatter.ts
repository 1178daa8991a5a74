/** A thread that has much to say. Any thread; as a worker's main module it logs and ends. */
import { isMainThread, workerData } from 'node:worker_threads'
import { Log } from './log.ts'
import type { CallerPlace } from './log-place.ts'

export interface ChatterData {
  readonly place: CallerPlace
  readonly name: string
  readonly lines: number
}

/** Logs numbered lines as fast as it can, and says how long the calls took. */
export function chatter(log: Log, name: string, lines: number): void {
  const since = performance.now()
  for (let line = 0; line < lines; line++) log.log(`${name} ${line}`)
  const ns = ((performance.now() - since) / lines) * 1e6
  console.error(`${name}: ${lines} calls, ${ns.toFixed(0)} ns each, ${log.dropped} lines dropped`)
}

const data = workerData as ChatterData | null
if (!isMainThread && data !== null && 'place' in data) chatter(new Log(data.place), data.name, data.lines)
