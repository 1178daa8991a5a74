/**
 * Changes of queues in records: a snapshot of what is known, what is left of it within a log's end, and bodies that are
 * small enough.
 *
 * Any thread. Pure. Bound: a body has at most about BODY_BYTES_MAX, a snapshot is made in pieces of PIECE_BYTES.
 */
import { ID_HASH_BYTES } from '../format/queue-fields.ts'
import type { IdChange, OffsetRanges, SettledChange, SettledNumber, SettledTotals } from '../format/settled-change.ts'
import { DUE_BYTES_MAX, DUE_GROUP_BYTES_MAX } from '../format/settled-due.ts'
import { ATTEMPT_BYTES_MAX, CHANGE_BYTES_MAX, encodeSettled, RANGE_BYTES_MAX } from '../format/settled-format.ts'
import { ID_BYTES_MAX } from '../format/settled-ids.ts'
import { NUMBER_BYTES_MAX } from '../format/settled-numbers.ts'
import { UPDATE_BYTES_MAX } from '../format/settled-updates.ts'
import { idsFrom } from './id-changes.ts'
import type { SettledState } from './settled-state.ts'

/** A pass of a host writes one record, unless its changes are larger than this. */
export const BODY_BYTES_MAX: number = 4 * 1_024 * 1_024
const PIECE_BYTES = 64 * 1_024
const PIECE_IDS: number = PIECE_BYTES / ID_BYTES_MAX

/** At most so many bytes are written for it. */
function bytesMaxOf(change: SettledChange): number {
  const { out = [], back = [], settled = [], attempts = [], due = [], updates = [], ids, numbers = [] } = change
  const ranges = out.length + back.length + settled.length
  const dueBytes = due.reduce((sum, { offsets }) => sum + DUE_GROUP_BYTES_MAX + DUE_BYTES_MAX * offsets.length, 0)
  const idBytes = ID_BYTES_MAX * (ids?.offsets.length ?? 0)
  const single =
    ATTEMPT_BYTES_MAX * attempts.length + UPDATE_BYTES_MAX * updates.length + NUMBER_BYTES_MAX * numbers.length
  return CHANGE_BYTES_MAX + RANGE_BYTES_MAX * ranges + single + dueBytes + idBytes
}

/** Bodies of records with these changes, in their order. */
export function* bodiesOf(changes: Iterable<SettledChange>, bytesMax: number = BODY_BYTES_MAX): Generator<Uint8Array> {
  let pending: SettledChange[] = []
  let bytes = 0
  for (const change of changes)
    for (const part of split(change, bytesMax)) {
      const more = bytesMaxOf(part)
      if (bytes + more > bytesMax && pending.length > 0) {
        yield encodeSettled(pending)
        pending = []
        bytes = 0
      }
      pending.push(part)
      bytes += more
    }
  if (pending.length > 0) yield encodeSettled(pending)
}

/** The change, or changes that come to the same, each of them small enough. */
function* split(change: SettledChange, bytesMax: number): Generator<SettledChange> {
  if (bytesMaxOf(change) <= bytesMax) {
    yield change
    return
  }
  const { topic, partition, isWhole = false, out, back, attempts, settled, due = [], updates, numbers } = change
  const { totals = null, known = null, times = null, letters = null, ids = null } = change
  const many = Math.max(1, Math.floor((bytesMax - CHANGE_BYTES_MAX) / ATTEMPT_BYTES_MAX))
  if (isWhole) yield { topic, partition, isWhole }
  for (const some of slices(out, many)) yield { topic, partition, out: some }
  for (const some of slices(back, many)) yield { topic, partition, back: some }
  for (const some of slices(attempts, many)) yield { topic, partition, attempts: some }
  for (const { place, offsets } of due)
    for (const some of slices(offsets, many)) yield { topic, partition, due: [{ place, offsets: some }] }
  for (const some of slices(updates, many)) yield { topic, partition, updates: some }
  for (const some of slices(settled, many)) yield { topic, partition, settled: some }
  if (ids !== null) for (const some of idSlices(ids, many)) yield { topic, partition, ids: some }
  for (const some of slices(numbers, many)) yield { topic, partition, numbers: some }
  yield { topic, partition, totals, known, times, letters }
}

function* slices<T>(list: readonly T[] = [], many: number): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += many) yield list.slice(at, at + many)
}

function* idSlices(ids: IdChange, many: number): Generator<IdChange> {
  for (let at = 0; at === 0 || at < ids.offsets.length; at += many)
    yield {
      ...ids,
      from: ids.from + at,
      hashes: ids.hashes.subarray(at * ID_HASH_BYTES, (at + many) * ID_HASH_BYTES),
      offsets: ids.offsets.slice(at, at + many),
      timesMs: ids.timesMs.slice(at, at + many),
    }
}

/** What a file must say of a queue, so that its reader knows the same. Nothing beyond `end` is said. */
export function* wholeOf(state: SettledState, end: number = Number.POSITIVE_INFINITY): Generator<SettledChange> {
  const { topic, partition, floor, known, letters } = state
  const [totals, expired] = Number.isFinite(end) ? countsWithin(state, end) : [state.totals, state.times.expired]
  const times = { expired, end: Math.min(state.times.end, end) }
  const below = Math.min(floor, end)
  const settled: OffsetRanges = below > 0 ? [[0, below]] : []
  const kept = known !== null && known.end <= end ? known : null
  yield { topic, partition, isWhole: true, settled, totals, known: kept, times, letters }
  const out = within(state.out.ranges(), end)
  if (out.length > 0) yield { topic, partition, out }
  const attempts = [...state.attempts.values()].filter(({ offset }) => offset < end)
  if (attempts.length > 0) yield { topic, partition, attempts: attempts.sort(byOffset) }
  const updates = [...state.updates.values()].filter(({ offset }) => offset < end)
  if (updates.length > 0) yield { topic, partition, updates: updates.sort(byOffset) }
  for (const group of state.due(end, PIECE_BYTES / DUE_BYTES_MAX)) yield { topic, partition, due: [group] }
  const numbers = [...state.numbers.values()].map(number => numberWithin(number, end))
  if (numbers.length > 0) yield { topic, partition, numbers }
  const { ids: table } = state
  for (let from = table?.room.first ?? 0, more = table !== null; table !== null && more; ) {
    const ids = idsFrom(table, from, end, PIECE_IDS)
    yield { topic, partition, ids }
    from += ids.offsets.length
    more = ids.offsets.length === PIECE_IDS
  }
  let pending: (readonly [number, number])[] = []
  for (const piece of state.settled.pieces()) {
    pending.push(...within(piece, end))
    if (pending.length * RANGE_BYTES_MAX < PIECE_BYTES) continue
    yield { topic, partition, settled: pending }
    pending = []
  }
  if (pending.length > 0) yield { topic, partition, settled: pending }
}

/** Of messages that are no more it is not known how they were settled: no more are counted than are settled below that end. */
function countsWithin({ totals, times, settled }: SettledState, end: number): [SettledTotals, expired: number] {
  let left = settled.countIn(0, end)
  const most = (count: number): number => {
    const counted = Math.min(count, left)
    left -= counted
    return counted
  }
  const { deadLettered, dropped, purged, cancelled, failures } = totals
  const within = {
    deadLettered: most(deadLettered),
    dropped: most(dropped),
    purged: most(purged),
    cancelled: most(cancelled),
    failures,
  }
  return [within, most(times.expired)]
}

/** Bodies of a file that says what these states do. */
export function* snapshotOf(states: Iterable<SettledState>): Generator<Uint8Array> {
  yield* bodiesOf(changesOf(states), PIECE_BYTES)
}

function* changesOf(states: Iterable<SettledState>): Generator<SettledChange> {
  for (const state of states) if (!state.isEmpty) yield* wholeOf(state)
}

/** Where a message with a number is lost, the one before it was there: a sender has one on its way at a time. */
function numberWithin(number: SettledNumber, end: number): SettledNumber {
  return number.end <= end ? number : { ...number, last: (number.last - 1) >>> 0, end }
}

function within(ranges: OffsetRanges, end: number): OffsetRanges {
  const last = ranges.at(-1)
  if (last === undefined || last[1] <= end) return ranges
  return ranges.filter(([from]) => from < end).map(([from, to]) => [from, Math.min(to, end)] as const)
}

function byOffset(one: { readonly offset: number }, other: { readonly offset: number }): number {
  return one.offset - other.offset
}
