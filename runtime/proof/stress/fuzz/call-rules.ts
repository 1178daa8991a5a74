/** What calls may come to, and what must not be heard at all. Pure. */
import type { FuzzEvent } from './events.ts'

/** Codes that a call may be rejected with in these programs; all others may not be rejected. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  publish: ['MILL_ABORTED', 'MILL_TIMEOUT', 'MILL_FULL'],
  publishBatch: ['MILL_UNPUBLISHED'],
  'named publishBatch': ['MILL_UNPUBLISHED'],
  // A record that was published without a promise was refused.
  flush: ['MILL_FULL'],
  addPartitions: ['MILL_MEMORY'],
  idle: ['MILL_CLOSED', 'MILL_FULL'],
  pause: ['MILL_CLOSED'],
  resume: ['MILL_CLOSED'],
  seek: ['MILL_GROUP_BUSY'],
  replay: ['MILL_TIMEOUT', 'MILL_FULL'],
}
/** Why a batch may have failed. */
const CAUSES = /^MILL_(ABORTED|TIMEOUT|FULL) /

export function judgeCalls(events: readonly FuzzEvent[]): string[] {
  const found: string[] = []
  const open = new Map<number, string>()
  const about = new Map<number, string>()
  let killed = 0
  let opened = 0
  for (const event of events) {
    if (event.e === 'call') {
      open.set(event.call, event.what)
      about.set(event.call, event.about)
    } else if (event.e === 'returned') {
      open.delete(event.call)
      found.push(...judgeReturn(event.what, event.code, event.why, about.get(event.call) ?? ''))
    } else if (event.e === 'uncaught') found.push(event.text)
    // A subscription that was still joining when the broker was closed is told so.
    else if (event.e === 'gaveUp' && event.code.startsWith('MILL_CLOSED') && [...open.values()].includes('close'))
      continue
    else if (event.e === 'gaveUp') found.push(`a run of ${event.group} gave up: ${event.code}`)
    else if (event.e === 'killed') {
      open.clear()
      killed++
    } else if (event.e === 'life') opened++
  }
  if (!events.some(({ e }) => e === 'end'))
    found.push(`the program did not come to its end, after ${opened} lives and ${killed} kills`)
  for (const [call, what] of open) found.push(`call ${call}, ${what}, was never answered`)
  return found
}

function judgeReturn(what: string, code: string, why: string, about: string): string[] {
  if (code === 'ok') return []
  const isTimed = what === 'stop' && about === 'timed' && code === 'MILL_TIMEOUT'
  if (!isTimed && !(ALLOWED[what] ?? []).includes(code)) return [`${what} was rejected with ${code}: ${why}`]
  if (code === 'MILL_UNPUBLISHED' && !CAUSES.test(why)) return [`${what} failed for another reason: ${why}`]
  if (code === 'MILL_FULL' && what === 'publish' && about === 'wait')
    return [`${what} was refused where it should wait: ${why}`]
  return []
}
