/**
 * The bytes that say what the queues of a partition host have settled: bodies of records (state-format.ts), each with
 * the changes of one pass. Offsets are those of the queue's log.
 *
 * A number is written in groups of 7 bits, the lowest first; every byte but its last one has bit 7 set. One number less
 * than another is written as their difference.
 *
 * ```
 * body      change, change, ... to its end
 *
 * change    topic (id), partition
 *           parts            1 whole | 2 out | 4 back | 8 attempts | 16 settled | 32 totals | 64 known | 128 due | 256 ids |
 *                            512 times | 1024 letters | 2048 updates | 4096 numbers
 *           base             no offset below is named; without out, back, attempts, settled, due and updates it is not there
 *           out, back        each a list of ranges, where its part is there
 *           attempts         how many, then each
 *           settled          a list of ranges
 *           totals           deadLettered, dropped, purged, cancelled, failures
 *           known            end, bytes
 *           due              how many groups, then of each: place, less base; how many offsets, then each
 *           times            expired, end
 *           letters          topic (id), end
 *           updates          how many, then each
 *           ids              first, from less first, duplicates, forgotten; how many, then each
 *           numbers          how many, then of each: producer, last, end
 *
 * ranges    how many, then of each: from, less the end of the one before (of the first: less base); offsets in it, less 1
 *
 * attempt   offset, less that of the one before (of the first: less base); handOuts; failures
 *           flags            1 suspect | 2 survived | 4 out | 8 dying | 16 failed | 32 due
 *           reason           where it is dying: its place in DYING_REASONS
 *           firstFailureMs, lastFailureMs less firstFailureMs     where it failed
 *           dueMs            where it is due
 *
 * an offset of a group is in the order in which it fell due: twice its distance to the one before (of the first: to base), less 1
 * where it is below that
 *
 * update    offset, less that of the one before (of the first: less base); atMs
 *           flags            1 priority | 2 due | 4 expires | 8 never expires | 16 put off
 *           priority, dueMs, expiresMs     each where it is there
 *
 * id        hash, as it is; offset and timeMs, less those of the one before
 * ```
 *
 * A change is applied in this order: whole, out, back, attempts, due, updates, settled, totals, known, times, letters, ids, numbers. It may therefore be split at any
 * place, into changes of the same queue that follow each other.
 *
 * Leaf, any thread. Pure. A message in its turn costs two bytes each time that it changes, a run of them not more.
 */
import {
  DYING_REASONS,
  type OffsetRanges,
  type SettledAttempt,
  type SettledChange,
  type SettledTotals,
} from './settled-change.ts'
import { lowestOf, readDue, writeDue } from './settled-due.ts'
import { readIds, writeIds } from './settled-ids.ts'
import { readNumbers, writeNumbers } from './settled-numbers.ts'
import { readUpdates, writeUpdates } from './settled-updates.ts'
import { ByteReader, ByteWriter } from './varint.ts'

/** Bytes of a change without lists, and of a range or attempt in one, at most. */
export const CHANGE_BYTES_MAX: number = 160
export const RANGE_BYTES_MAX: number = 16
export const ATTEMPT_BYTES_MAX: number = 64

const WHOLE = 1
const OUT = 2
const BACK = 4
const ATTEMPTS = 8
const SETTLED = 16
const TOTALS = 32
const KNOWN = 64
const IS_DUE = 128
const IDS = 256
const TIMES = 512
const LETTERS = 1024
const UPDATES = 2048
const NUMBERS = 4096
const PARTS: number = 127 | IS_DUE | IDS | TIMES | LETTERS | UPDATES | NUMBERS
const LISTS: number = OUT | BACK | ATTEMPTS | SETTLED | IS_DUE | UPDATES

const SUSPECT = 1
const SURVIVED = 2
const IS_OUT = 4
const DYING = 8
const FAILED = 16
const DUE = 32
const FLAGS = 63

/** The body of a record with these changes. @throws RangeError for what is no offset, count or whole number of ms */
export function encodeSettled(changes: Iterable<SettledChange>): Uint8Array {
  const writer = new ByteWriter()
  for (const change of changes) writeChange(writer, change)
  return writer.bytes()
}

function writeChange(writer: ByteWriter, change: SettledChange): void {
  const { topic, partition, isWhole, out = [], back = [], attempts = [], settled = [], due = [] } = change
  const { totals = null, known = null, times = null, letters = null, ids = null, updates = [], numbers = [] } = change
  let parts = 0
  if (isWhole === true) parts |= WHOLE
  if (out.length > 0) parts |= OUT
  if (back.length > 0) parts |= BACK
  if (attempts.length > 0) parts |= ATTEMPTS
  if (settled.length > 0) parts |= SETTLED
  if (totals !== null) parts |= TOTALS
  if (known !== null) parts |= KNOWN
  if (due.length > 0) parts |= IS_DUE
  if (times !== null) parts |= TIMES
  if (letters !== null) parts |= LETTERS
  if (ids !== null) parts |= IDS
  if (updates.length > 0) parts |= UPDATES
  if (numbers.length > 0) parts |= NUMBERS
  writer.number(topic)
  writer.number(partition)
  writer.number(parts)
  let base = 0
  if ((parts & LISTS) !== 0) {
    const first = [out[0]?.[0], back[0]?.[0], attempts[0]?.offset, settled[0]?.[0], updates[0]?.offset]
    const lists = Math.min(...first.map(offset => offset ?? Number.POSITIVE_INFINITY))
    base = Math.min(lists, lowestOf(due))
    writer.number(base)
    for (const ranges of [out, back]) if (ranges.length > 0) writeRanges(writer, ranges, base)
    if (attempts.length > 0) writeAttempts(writer, attempts, base)
    if (settled.length > 0) writeRanges(writer, settled, base)
  }
  if (totals !== null) {
    const { deadLettered, dropped, purged, cancelled, failures } = totals
    for (const count of [deadLettered, dropped, purged, cancelled, failures]) writer.number(count)
  }
  if (known !== null) for (const number of [known.end, known.bytes]) writer.number(number)
  if (due.length > 0) writeDue(writer, due, base)
  if (times !== null) for (const number of [times.expired, times.end]) writer.number(number)
  if (letters !== null) for (const number of [letters.topic, letters.end]) writer.number(number)
  if (updates.length > 0) writeUpdates(writer, updates, base)
  if (ids !== null) writeIds(writer, ids)
  if (numbers.length > 0) writeNumbers(writer, numbers)
}

function writeRanges(writer: ByteWriter, ranges: OffsetRanges, base: number): void {
  writer.number(ranges.length)
  let end = base
  for (const [from, to] of ranges) {
    writer.number(from - end)
    writer.number(to - from - 1)
    end = to
  }
}

function writeAttempts(writer: ByteWriter, attempts: readonly SettledAttempt[], base: number): void {
  writer.number(attempts.length)
  let before = base
  for (const attempt of attempts) {
    const { offset, handOuts, failures, dying, firstFailureMs, lastFailureMs, dueMs } = attempt
    let flags = 0
    if (attempt.isSuspect) flags |= SUSPECT
    if (attempt.hasSurvived) flags |= SURVIVED
    if (attempt.isOut) flags |= IS_OUT
    if (dying !== null) flags |= DYING
    if (firstFailureMs !== 0) flags |= FAILED
    if (dueMs !== 0) flags |= DUE
    writer.number(offset - before)
    writer.number(handOuts)
    writer.number(failures)
    writer.byte(flags)
    if (dying !== null) writer.number(DYING_REASONS.indexOf(dying))
    if (firstFailureMs !== 0) {
      writer.number(firstFailureMs)
      // The clock may have been set back between them.
      writer.number(Math.max(0, lastFailureMs - firstFailureMs))
    }
    if (dueMs !== 0) writer.number(dueMs)
    before = offset
  }
}

/** What a body says; a text: what is wrong with it. */
export function decodeSettled(body: Uint8Array): SettledChange[] | string {
  const reader = new ByteReader(body)
  const changes: SettledChange[] = []
  while (!reader.isAtEnd) {
    const change = readChange(reader)
    if (reader.isBroken) return 'a change of a queue ends within a number'
    if (typeof change === 'string') return change
    changes.push(change)
  }
  return changes
}

function readChange(reader: ByteReader): SettledChange | string {
  const topic = reader.number()
  const partition = reader.number()
  const parts = reader.number()
  if (parts > PARTS || (parts & ~PARTS) !== 0) return 'a change of a queue has unknown parts'
  const has = (part: number): boolean => (parts & part) !== 0
  const base = has(LISTS) ? reader.number() : 0
  const out = has(OUT) ? readRanges(reader, base) : []
  const back = has(BACK) ? readRanges(reader, base) : []
  const attempts = has(ATTEMPTS) ? readAttempts(reader, base) : []
  const settled = has(SETTLED) ? readRanges(reader, base) : []
  const totals = has(TOTALS) ? readTotals(reader) : null
  const known = has(KNOWN) ? { end: reader.number(), bytes: reader.number() } : null
  const due = has(IS_DUE) ? readDue(reader, base) : []
  const times = has(TIMES) ? { expired: reader.number(), end: reader.number() } : null
  const letters = has(LETTERS) ? { topic: reader.number(), end: reader.number() } : null
  const updates = has(UPDATES) ? readUpdates(reader, base) : []
  const ids = has(IDS) ? readIds(reader) : null
  const numbers = has(NUMBERS) ? readNumbers(reader) : []
  if (attempts === null) return 'an attempt has an unknown flag or reason'
  if (out === null || back === null || settled === null || due === null) return 'offsets are out of range'
  if (updates === null) return 'updates of messages are out of range'
  if (ids === null && has(IDS)) return 'ids are out of range'
  if (numbers === null) return 'numbers of producers are out of range'
  return {
    topic,
    partition,
    isWhole: has(WHOLE),
    out,
    back,
    attempts,
    settled,
    totals,
    known,
    due,
    times,
    letters,
    updates,
    ids,
    numbers,
  }
}

function readRanges(reader: ByteReader, base: number): OffsetRanges | null {
  const ranges: [number, number][] = []
  let end = base
  for (let left = reader.number(); left > 0 && !reader.isBroken; left--) {
    const from = end + reader.number()
    end = from + reader.number() + 1
    if (!Number.isSafeInteger(end)) return null
    ranges.push([from, end])
  }
  return ranges
}

function readAttempts(reader: ByteReader, base: number): SettledAttempt[] | null {
  const attempts: SettledAttempt[] = []
  let offset = base
  for (let left = reader.number(); left > 0 && !reader.isBroken; left--) {
    offset += reader.number()
    const handOuts = reader.number()
    const failures = reader.number()
    const flags = reader.byte()
    const has = (flag: number): boolean => (flags & flag) !== 0
    const dying = has(DYING) ? DYING_REASONS[reader.number()] : null
    const firstFailureMs = has(FAILED) ? reader.number() : 0
    const lastFailureMs = has(FAILED) ? firstFailureMs + reader.number() : 0
    const dueMs = has(DUE) ? reader.number() : 0
    if (flags > FLAGS || dying === undefined || !Number.isSafeInteger(offset)) return null
    attempts.push({
      offset,
      handOuts,
      failures,
      isSuspect: has(SUSPECT),
      hasSurvived: has(SURVIVED),
      isOut: has(IS_OUT),
      dying,
      firstFailureMs,
      lastFailureMs,
      dueMs,
    })
  }
  return attempts
}

function readTotals(reader: ByteReader): SettledTotals {
  const deadLettered = reader.number()
  const dropped = reader.number()
  const purged = reader.number()
  const cancelled = reader.number()
  return { deadLettered, dropped, purged, cancelled, failures: reader.number() }
}
