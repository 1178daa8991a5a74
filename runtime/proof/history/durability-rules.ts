/**
 * U1 and U2: what must be left when another process opens the folder, by how the one before has ended.
 *
 * Pure functions over a whole history, before anything that is lost is taken out of it. At `fsync` nothing that was confirmed or
 * read is lost, at `os` nothing but by a loss of power; and then nothing that was there when a process had opened the folder,
 * because that is durable once it has. That what is left has no hole, and the same values, is S1 and S6, of the reader
 * that reads it all again.
 */
import { type Checker, type HistoryEvent, Problems } from './history.ts'

/** Group states are written down each tenth of a second, and made durable each second; so long after that they are, for certain. */
const WRITTEN_MS = 600
const DURABLE_MS = 2_500

type At = { readonly topic: string; readonly partition: number; readonly offset: number }

/** The place that an event says holds a record. */
function heldAt(event: HistoryEvent): At | null {
  if (event.kind === 'read' || event.kind === 'delivered') return event
  if (event.kind !== 'answered' || event.outcome !== 'ok') return null
  const { topic, partition, offset } = event
  return partition === undefined || offset === undefined ? null : { topic, partition, offset }
}

/** U1 and U2: an end that was reached is reached again, but for what may be lost. */
export const nothingDurableIsLost: Checker = ({ events, stored }) => {
  const problems = new Problems('U1')
  /** By partition: the end that was seen, and the one that the last process found when it opened the folder. */
  const ends = new Map<string, number>()
  const found = new Map<string, number>()
  /** Topics and partitions that a loss of power has befallen since they were last opened. */
  const struck = new Set<string>()
  const deaths: string[] = []
  for (const event of events) {
    const at = heldAt(event)
    if (at !== null) {
      const line = `${at.topic}/${at.partition}`
      ends.set(line, Math.max(ends.get(line) ?? 0, at.offset + 1))
    }
    if (event.kind === 'died') {
      deaths.push(event.how)
      if (event.how === 'power') for (const line of ends.keys()) struck.add(line)
    }
    if (event.kind !== 'reopened') continue
    const line = `${event.topic}/${event.partition}`
    const mayLose = stored?.get(event.topic)?.durability === 'os' && struck.has(line)
    const least = (mayLose ? found.get(line) : ends.get(line)) ?? 0
    if (event.end < least)
      problems.say(`${line} had records up to ${least}, and ends at ${event.end} after ${deaths.join(', ')}`)
    ends.set(line, event.end)
    found.set(line, event.end)
    struck.delete(line)
  }
  return problems.done()
}

/** A4 through processes: what was said to be committed long enough ago is, unless its records are gone. */
export const nothingCommittedIsForgotten: Checker = ({ events, stored, isPrompt }) => {
  const problems = new Problems('A4')
  /** By group and partition: what was said to be committed, oldest first; and what the next process must find at least. */
  const said = new Map<string, { readonly offset: number; readonly atMs: number }[]>()
  const least = new Map<string, number>()
  const ends = new Map<string, number>()
  const lineOf = ({ group, topic, partition }: At & { readonly group: string }): string =>
    `${group} ${topic}/${partition}`
  for (const event of events) {
    if (event.kind === 'reopened') ends.set(`${event.topic}/${event.partition}`, event.end)
    if (event.kind === 'died') {
      const { how, isWhole, atMs } = event
      const until = isWhole
        ? atMs
        : isPrompt === true && how !== 'closed'
          ? atMs - (how === 'power' ? DURABLE_MS : WRITTEN_MS)
          : -1
      for (const [line, commits] of said) {
        const kept = commits.filter(commit => commit.atMs <= until).at(-1)
        if (kept !== undefined) least.set(line, Math.max(least.get(line) ?? 0, kept.offset))
      }
      said.clear()
      ends.clear()
    }
    if (event.kind !== 'committed' || (stored?.get(event.topic)?.durability ?? 'memory') === 'memory') continue
    const line = lineOf(event)
    const expected = Math.min(
      least.get(line) ?? 0,
      ends.get(`${event.topic}/${event.partition}`) ?? Number.POSITIVE_INFINITY,
    )
    if (event.offset < expected)
      problems.say(
        `${line} was at ${expected} long before the process ended, and is at ${event.offset} in the next one`,
      )
    least.delete(line)
    said.set(line, [...(said.get(line) ?? []), { offset: event.offset, atMs: event.atMs ?? 0 }])
  }
  return problems.done()
}

export const DURABILITY_RULES: readonly Checker[] = [nothingDurableIsLost, nothingCommittedIsForgotten]
