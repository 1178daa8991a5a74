/**
 * What a reader left behind, and what its successor is told: nothing that was settled is handled again where that is
 * known, every hand-out is counted, and a crash is charged to one record or to none.
 *
 * The partition host's thread, when a slot is closed or opened. Decides from words and ledgers alone.
 */
import { LEDGER_RECORDS } from '../wire/layout.ts'
import type { Ledger } from '../wire/ledger.ts'
import type { KnownRecord } from '../wire/places.ts'
import type { Failure } from './group-cursor.ts'

/** A slot as it was when its reader ended or was revoked. */
export interface LeftSlot {
  readonly committed: number
  /** The offset after the record handed out last, or after the one that a crash can be charged to. */
  readonly handed: number
  readonly returned: number
  /** Records whose promise was pending. */
  readonly active: number
  /** Whether the reader had several records in hand, and kept its ledger. */
  readonly many: boolean
  /** Null: it was revoked in good order. `executing`: the record at `handed` is the one that was being handled. */
  readonly crash: { readonly executing: boolean; readonly charged?: boolean } | null
}

/** A record in a handler's hands for the `deliveryAttempt`-th time. */
export interface HandOut {
  readonly offset: number
  readonly deliveryAttempt: number
}

export interface HandedOver {
  /** Everything below is settled. */
  readonly committed: number
  /** The record that was being handled when the thread died; null: no record can be charged. */
  readonly executing: HandOut | null
}

/** Brings the block's ledger up to what the slot says. `failures` are the group's account of what failed. */
export function handOver(
  block: Ledger,
  slot: Ledger,
  left: LeftSlot,
  failures: ReadonlyMap<number, Failure>,
): HandedOver {
  return left.many ? handOverMany(block, slot, left) : handOverOne(block, left, failures)
}

function handOverMany(block: Ledger, slot: Ledger, { committed: said, handed, crash }: LeftSlot): HandedOver {
  let committed = said
  while (slot.of(committed)?.settled === true) committed++
  block.takeOver(slot, committed)
  const suspected = handed - 1 < committed ? null : slot.of(handed - 1)
  const charged = crash?.executing === true && suspected?.out === true
  for (let offset = committed; offset < committed + LEDGER_RECORDS; offset++) {
    const entry = block.of(offset)
    // Those that were out with it are suspects only if it cannot be told who did it.
    if (entry?.out === true && (crash === null || charged)) block.back(offset, entry.deliveryAttempt)
  }
  if (!charged || suspected === null) return { committed, executing: null }
  return { committed, executing: { offset: handed - 1, deliveryAttempt: suspected.deliveryAttempt } }
}

/** One record after another: the words say it all. */
function handOverOne(block: Ledger, left: LeftSlot, failures: ReadonlyMap<number, Failure>): HandedOver {
  const { committed, handed, returned, active, crash } = left
  const last = handed - 1
  // Returned, and handed out again because what they put out was not confirmed. The thread may have died of one of them: of
  // a timer, or of a promise that nobody awaits.
  const isSuspect = crash !== null && !crash.executing && crash.charged !== true
  for (let offset = committed; offset < Math.min(returned, committed + LEDGER_RECORDS); offset++) {
    const deliveryAttempt = attemptsOf(block, failures, offset) + 1
    if (isSuspect) block.handOut(offset, deliveryAttempt)
    else block.back(offset, deliveryAttempt)
  }
  if (last < returned || last < committed) return { committed, executing: null }
  const before = attemptsOf(block, failures, last)
  const executing = crash?.executing === true
  // One that waits for its next attempt has been counted when it failed.
  const deliveryAttempt = executing || active > 0 || !failures.has(last) ? before + 1 : before
  if (crash !== null && !executing && active > 0) block.handOut(last, deliveryAttempt)
  else block.back(last, deliveryAttempt)
  return { committed, executing: executing ? { offset: last, deliveryAttempt } : null }
}

function attemptsOf(block: Ledger, failures: ReadonlyMap<number, Failure>, offset: number): number {
  return Math.max(block.of(offset)?.deliveryAttempt ?? 0, failures.get(offset)?.deliveryAttempt ?? 0)
}

/** What the next reader is told, by offset. */
export function knownRecords(
  block: Ledger,
  failures: ReadonlyMap<number, Failure>,
  committed: number,
): readonly KnownRecord[] {
  const known = new Map<number, KnownRecord>()
  for (let offset = committed; offset < committed + LEDGER_RECORDS; offset++) {
    const entry = block.of(offset)
    if (entry === null) continue
    const { deliveryAttempt, settled, out } = entry
    known.set(offset, {
      offset,
      failedAttempts: 0,
      deliveryAttempt,
      notBeforeMs: 0,
      settled,
      dying: false,
      suspect: out,
    })
  }
  for (const { offset, failedAttempts, deliveryAttempt, notBeforeMs, state } of failures.values()) {
    if (offset < committed) continue
    const entry = known.get(offset)
    known.set(offset, {
      offset,
      failedAttempts,
      deliveryAttempt: Math.max(deliveryAttempt, entry?.deliveryAttempt ?? 0),
      notBeforeMs,
      settled: state === 'dead' || entry?.settled === true,
      dying: state === 'dying',
      suspect: entry?.suspect === true,
    })
  }
  return [...known.values()].sort((a, b) => a.offset - b.offset)
}
