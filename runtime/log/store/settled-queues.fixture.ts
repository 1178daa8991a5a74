/**
 * Queues for tests of what they settled: a seed draws their changes, and a naive model knows what they come to.
 */
import type {
  IdChange,
  SettledAttempt,
  SettledChange,
  SettledNumber,
  SettledTimes,
  SettledTotals,
  SettledUpdate,
} from '../format/settled-change.ts'
import type { SettledState } from './settled-state.ts'

/** What one message is known as; null: nothing. */
type Known = 'settled' | 'out' | SettledAttempt

export interface QueueModel {
  readonly topic: number
  readonly partition: number
  readonly known: Map<number, Known>
  /** Messages in the log. */
  end: number
  totals: SettledTotals
  knownEnd: SettledChange['known']
  /** Those that fell due and are not settled, in that order, with their places. */
  due: readonly (readonly [offset: number, place: number])[]
  times: SettledTimes
  letters: SettledState['letters']
  updates: ReadonlyMap<number, SettledUpdate>
  ids: readonly KnownId[]
  /** Number of the first of them, and the counts that go with them. */
  firstId: number
  duplicates: number
  forgotten: number
  /** By producer: its last number, and an offset behind that. */
  numbers: ReadonlyMap<number, readonly [last: number, end: number]>
}

interface KnownId {
  readonly word: number
  readonly offset: number
  readonly timeMs: number
}

const NO_TIMES: SettledTimes = { expired: 0, end: 0 }
const NO_TOTALS: SettledTotals = { deadLettered: 0, dropped: 0, purged: 0, cancelled: 0, failures: 0 }

export function emptyQueue(topic: number, partition = 0): QueueModel {
  const noTimes = { due: [], times: NO_TIMES, letters: null, updates: new Map() }
  const noIds = { ids: [], firstId: 0, duplicates: 0, forgotten: 0, numbers: new Map() }
  return { topic, partition, known: new Map(), end: 0, totals: NO_TOTALS, knownEnd: null, ...noTimes, ...noIds }
}

export function copyOf(queue: QueueModel): QueueModel {
  return { ...queue, known: new Map(queue.known) }
}

/** The model of what is left when the log ends there. */
export function cutTo(queue: QueueModel, end: number): QueueModel {
  const knownEnd = (queue.knownEnd?.end ?? 0) > end ? null : queue.knownEnd
  const due = queue.due.flatMap(([offset, place]) => (offset < end ? [[offset, Math.min(place, end)] as const] : []))
  const settled = [...queue.known].filter(([offset, known]) => offset < end && known === 'settled').length
  // Where something is cut, no more are counted than are there.
  const isCut = endOf(queue) > end
  const expired = isCut ? Math.min(queue.times.expired, settled) : queue.times.expired
  const times = { expired, end: Math.min(queue.times.end, end) }
  const ids = queue.ids.filter(({ offset }) => offset < end)
  return {
    ...queue,
    end,
    knownEnd,
    due,
    times,
    ids,
    numbers: new Map(
      [...queue.numbers].map(([id, [last, at]]) => [id, at > end ? [last - 1, end] : [last, at]] as const),
    ),
    updates: new Map([...queue.updates].filter(([offset]) => offset < end)),
    known: new Map([...queue.known].filter(([offset]) => offset < end)),
  }
}

/** Behind all that is said of a queue. */
function endOf({ known, knownEnd, due, times, ids, updates, numbers }: QueueModel): number {
  const ends = [knownEnd?.end ?? 0, times.end, (ids.at(-1)?.offset ?? -1) + 1]
  for (const offset of [...known.keys(), ...updates.keys()]) ends.push(offset + 1)
  for (const [, place] of due) ends.push(place)
  for (const [, end] of numbers.values()) ends.push(end)
  return ends.reduce((most, end) => Math.max(most, end), 0)
}

function rangesOf(offsets: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last?.[1] === offset) last[1]++
    else ranges.push([offset, offset + 1])
  }
  return ranges
}

/** Draws a pass of a queue, and takes it over into the model. */
export function drawPass(queue: QueueModel, chance: () => number): SettledChange {
  const below = (limit: number): number => Math.floor(chance() * limit)
  const { topic, partition, known } = queue
  if (chance() < 0.6) queue.end += below(chance() < 0.1 ? 6_000 : 30)
  const of = (wanted: (known: Known | undefined) => boolean, many: number, from: number): number[] => {
    const found: number[] = []
    for (let offset = from; offset < queue.end && found.length < many; offset++)
      if (wanted(known.get(offset)) && chance() < 0.8) found.push(offset)
    return found
  }
  const from = below(queue.end)
  const out = of(each => each === undefined, below(40), from)
  for (const offset of out) known.set(offset, 'out')
  const back = of(each => each === 'out', below(4), from)
  for (const offset of back) known.delete(offset)
  const attempts = of(each => each !== 'settled' && each !== undefined, below(4), from).map(offset => {
    const failures = below(3)
    const attempt: SettledAttempt = {
      offset,
      handOuts: failures + below(2),
      failures,
      isSuspect: chance() < 0.2,
      hasSurvived: chance() < 0.2,
      isOut: chance() < 0.3,
      dying: chance() < 0.2 ? 'failed' : null,
      firstFailureMs: failures > 0 ? 1_000 + offset : 0,
      lastFailureMs: failures > 0 ? 2_000 + offset : 0,
      dueMs: chance() < 0.3 ? 3_000 + offset : 0,
    }
    const { handOuts, isSuspect, hasSurvived, isOut, dying } = attempt
    if (handOuts + failures > 0 || isSuspect || hasSurvived || isOut || dying !== null) known.set(offset, attempt)
    else known.delete(offset)
    return attempt
  })
  const isDue = new Set(queue.due.map(([offset]) => offset))
  const fallen = of(each => each !== 'settled', chance() < 0.1 ? 3_000 : below(20), from)
    .filter(offset => !isDue.has(offset))
    .sort(() => chance() - 0.5)
  const half = below(fallen.length)
  const due = [fallen.slice(0, half), fallen.slice(half)]
    .filter(offsets => offsets.length > 0)
    .map(offsets => ({ place: queue.end, offsets }))
  const most = chance() < 0.1 ? 5_000 : below(30)
  const settled = of(each => each !== 'settled', most, chance() < 0.5 ? 0 : from)
  for (const offset of settled) known.set(offset, 'settled')
  const fell = due.flatMap(({ place, offsets }) => offsets.map(offset => [offset, place] as const))
  queue.due = [...queue.due, ...fell].filter(([offset]) => known.get(offset) !== 'settled')
  const updates = of(each => each !== 'settled', chance() < 0.7 ? 0 : below(8), from).map(offset =>
    drawUpdate(offset, below),
  )
  const updated = new Map(queue.updates)
  for (const update of updates) {
    if (update.isPutOff) queue.due = queue.due.filter(([offset]) => offset !== update.offset)
    updated.set(update.offset, { ...update, isPutOff: false })
  }
  queue.updates = new Map([...updated].filter(([offset]) => known.get(offset) !== 'settled'))
  const times = chance() < 0.3 ? { expired: queue.times.expired + below(3), end: queue.end } : null
  if (times !== null) queue.times = times
  const totals = chance() < 0.3 ? { ...queue.totals, failures: queue.totals.failures + 1 } : null
  if (totals !== null) queue.totals = totals
  const knownEnd = chance() < 0.3 ? { end: queue.end, bytes: below(10_000) } : null
  if (knownEnd !== null) queue.knownEnd = knownEnd
  const letters = chance() < 0.2 ? { topic: topic + 1, end: below(1_000) } : null
  if (letters !== null) queue.letters = letters
  return {
    topic,
    partition,
    out: rangesOf(out),
    back: rangesOf(back),
    attempts,
    settled: rangesOf(settled),
    totals,
    known: knownEnd,
    due,
    times,
    letters,
    updates,
    ids: chance() < 0.4 ? drawIds(queue, chance) : null,
    numbers: chance() < 0.3 && queue.end > 0 ? [drawNumber(queue, below)] : [],
  }
}

/** A producer with numbers has sent one more message. */
function drawNumber(queue: QueueModel, below: (limit: number) => number): SettledNumber {
  const producer = 7 + below(2)
  const last = (queue.numbers.get(producer)?.[0] ?? 1_000) + 1 + below(3)
  queue.numbers = new Map([...queue.numbers, [producer, [last, queue.end]]])
  return { producer, last, end: queue.end }
}

function drawUpdate(offset: number, below: (limit: number) => number): SettledUpdate {
  const dueMs = below(2) === 0 ? null : 5_000 + below(9)
  return {
    offset,
    atMs: 4_000 + below(9),
    priority: below(2) === 0 ? null : below(32),
    dueMs,
    expiresMs: [null, 6_000 + below(9), Number.POSITIVE_INFINITY][below(3)] as number | null,
    isPutOff: dueMs !== null && below(2) === 0,
  }
}

/** Some of the new messages have ids, and some of the old ids are forgotten. */
function drawIds(queue: QueueModel, chance: () => number): IdChange {
  const below = (limit: number): number => Math.floor(chance() * limit)
  const { ids: before } = queue
  const last = before.at(-1) ?? { offset: -1, timeMs: 1_000 }
  const added: KnownId[] = []
  for (let offset = last.offset + 1 + below(3); offset < queue.end && added.length < 20; offset += 1 + below(4))
    added.push({ word: below(2 ** 30), offset, timeMs: (added.at(-1) ?? last).timeMs + below(100) })
  const gone = below(before.length / 2)
  queue.duplicates += below(3)
  queue.forgotten += below(2)
  // What was written before may be said again.
  const again = below(Math.min(3, before.length - gone))
  const from = queue.firstId + before.length - again
  queue.firstId += gone
  queue.ids = [...before.slice(gone), ...added]
  const said = queue.ids.slice(from - queue.firstId)
  const words = Int32Array.from(said.flatMap(({ word, offset }) => [word, offset, 3, 4]))
  return {
    first: queue.firstId,
    from,
    hashes: new Uint8Array(words.buffer),
    offsets: said.map(({ offset }) => offset),
    timesMs: said.map(({ timeMs }) => timeMs),
    duplicates: queue.duplicates,
    forgotten: queue.forgotten,
  }
}

/** Both as text, to be compared; a queue of which nothing is known is as one that never was. */
export function textOf(of: QueueModel | SettledState | undefined): string {
  if (of === undefined) return textOf(emptyQueue(0))
  const known = 'knownEnd' in of ? of.known : knownOf(of)
  const end = 'knownEnd' in of ? of.knownEnd : of.known
  const due = 'knownEnd' in of ? of.due : dueOf(of)
  const times = [of.times, of.letters]
  const messages = [[...known], [...of.updates]].map(each => each.sort(([one], [other]) => one - other))
  return JSON.stringify([messages, of.totals, end, due, times, idsOf(of), numbersOf(of)])
}

function numbersOf(of: QueueModel | SettledState): unknown[] {
  const numbers =
    'knownEnd' in of ? [...of.numbers] : [...of.numbers.values()].map(each => [each.producer, [each.last, each.end]])
  return numbers.map(each => JSON.stringify(each)).sort()
}

function dueOf(state: SettledState): (readonly [number, number])[] {
  const groups = [...state.due(Number.POSITIVE_INFINITY, 7)]
  return groups.flatMap(({ place, offsets }) => offsets.map(offset => [offset, place] as const))
}

function idsOf(of: QueueModel | SettledState): unknown {
  if ('knownEnd' in of) return [of.firstId, of.ids, of.duplicates, of.forgotten]
  const { ids: table } = of
  if (table === null) return [0, [], 0, 0]
  const { first, end, duplicates, forgotten } = table.room
  const ids: KnownId[] = []
  for (let entry = first; entry < end; entry++) {
    const id = { word: table.wordOf(entry, 0), offset: table.offsetOf(entry), timeMs: table.timeOf(entry) }
    if (table.find(Int32Array.of(id.word, id.offset, 3, 4), 0, id.timeMs) === -1) throw new Error('an id is not found')
    ids.push(id)
  }
  return [first, ids, duplicates, forgotten]
}

function knownOf(state: SettledState): Map<number, Known> {
  const known = new Map<number, Known>(state.attempts)
  for (let offset = 0; offset < state.floor; offset++) known.set(offset, 'settled')
  for (const [from, to] of state.settled.ranges())
    for (let offset = from; offset < to; offset++) known.set(offset, 'settled')
  for (const [from, to] of state.out.ranges()) for (let offset = from; offset < to; offset++) known.set(offset, 'out')
  return known
}
