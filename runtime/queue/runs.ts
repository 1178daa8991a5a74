/**
 * Several messages at a time: a run goes to one consumer, and a run of acks comes from one.
 *
 * The partition host's thread. Pure. Only plain messages go in runs: of one priority, never out before, and while no suspect is ready. A
 * run takes what its consumer would have got had they gone one by one. So the ready messages are divided among those in its line,
 * and each of them gets its share in its turn, whatever went to the others meanwhile.
 *
 * Bound: RUN_MAX, the consumer's room, its share, and the bytes that its caller has room for.
 */
import { type ClaimedRun, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { emptyHandOut, type HandOutView, take } from './hand-outs.ts'
import type { QueueState } from './queue-state.ts'

/** Messages of a run. */
export const RUN_MAX = 64

/** Messages that go to one consumer together. The arrays have one place for each, `count` of which say something. */
export interface RunView extends ClaimedRun {
  readonly first: HandOutView
  count: number
}

export function emptyRun(): RunView {
  return {
    first: emptyHandOut(),
    count: 0,
    priority: 0,
    slots: new Int32Array(RUN_MAX),
    tags: new Int32Array(RUN_MAX),
    offsets: new Float64Array(RUN_MAX),
    bytes: new Uint32Array(RUN_MAX),
    keys: new Uint32Array(RUN_MAX),
  }
}

/** Hands out a run of at most `most` messages; whether there was one for somebody. `bytesFor`: what a consumer can take of a run. */
export function takeRun(
  state: QueueState,
  most: number,
  bytesFor: (consumer: number) => number,
  nowMs: number,
  view: RunView,
): boolean {
  const { ready, suspects, attempts, consumers, rate } = state
  const { first } = view
  const waiting = ready.countOfFirst()
  if (!take(state, nowMs, first)) return false
  view.count = 1
  view.slots[0] = first.slot
  view.tags[0] = first.tag
  view.offsets[0] = first.offset
  const consumer = consumers.of(first.consumer) as Consumer
  if (suspects.size > 0 || first.suspect || attempts.find(first.offset) !== -1) return true
  const line = consumers.inLineOf(consumer) + (consumer.listed ? 0 : 1)
  const share = state.round.share(first.priority, line, waiting)
  const allowed = rate === null ? most : Math.min(most, 1 + rate.left)
  if (consumer.listed)
    extend(state, consumer, Math.min(allowed, share), bytesFor(first.consumer) - first.bytes, nowMs, view)
  if (view.count > 1) rate?.took(view.count - 1, first.tag, nowMs)
  state.round.taken(waiting - view.count, consumers.inLineOf(consumer))
  return true
}

/** Hands more messages to who got the first one, as long as they are plain and it has room. */
function extend(
  state: QueueState,
  consumer: Consumer,
  most: number,
  bytesMost: number,
  nowMs: number,
  view: RunView,
): void {
  const { ready, attempts, expiry, log } = state
  const { offsets, bytes: sizes, tags, keys } = view
  const { priority } = view.first
  const end = Math.min(most, 1 + consumer.prefetch - consumer.claims.size)
  const { prefetchBytes } = consumer
  let held = consumer.heldBytes
  const heldMost = Math.min(prefetchBytes, held + bytesMost)
  let count = 1
  for (let goesOn = true; goesOn && count < end; ) {
    const from = count
    const to = ready.next(priority, offsets, from, end)
    for (; count < to; count++) {
      const offset = offsets[count] as number
      if (held >= prefetchBytes || attempts.find(offset) !== -1 || expiry.isOver(offset, nowMs)) break
      const bytes = log.bytesOf(offset)
      if (held + bytes > heldMost) break
      held += bytes
      sizes[count] = bytes
      if (state.keys !== null) keys[count] = log.keyOf(offset)
      tags[count] = state.newTag()
    }
    if (count > from) ready.removeNext(offsets, from, count)
    goesOn = count > from && count === to
  }
  view.priority = priority
  view.count = count
  consumer.claims.takeRun(1, count, view)
  consumer.heldBytes = held
  state.unacked += count - 1
  state.consumers.served(consumer)
}

/** Settles one that is held. */
export function ack(state: QueueState, consumer: Consumer, slot: number): void {
  const { offsets, bytes, entries, keys } = consumer.claims
  state.letGo(consumer, slot)
  state.settle(offsets[slot] as number, bytes[slot] as number, entries[slot] as number, 'acked')
  state.endTurn(keys[slot] as number)
}

/** Settles what is held of the hand-outs at `from` to below `to` of these; how many were. */
export function ackRun(
  state: QueueState,
  consumer: Consumer,
  slots: Int32Array,
  tags: Int32Array,
  from: number,
  to: number,
): number {
  const { claims } = consumer
  const { attempts, suspects } = state
  let [acked, ackedBytes] = [0, 0]
  // Those settled and not yet written down as settled, one behind the other.
  let [first, end] = [0, 0]
  for (let index = from; index < to; index++) {
    const slot = slots[index] as number
    if (!claims.holds(slot, tags[index] as number)) continue
    const offset = claims.offsets[slot] as number
    const entry = claims.entries[slot] as number
    if (entry !== -1) attempts.remove(entry)
    if (((claims.flags[slot] as number) & SUSPECT) !== 0) consumer.alone = suspects.isOut = false
    ackedBytes += claims.bytes[slot] as number
    acked++
    claims.free(slot)
    if (state.keys !== null) state.endTurn(claims.keys[slot] as number)
    if (offset !== end) {
      settleRange(state, first, end)
      first = offset
    }
    end = offset + 1
  }
  settleRange(state, first, end)
  consumer.heldBytes -= ackedBytes
  state.unacked -= acked
  state.totals.acked += acked
  state.messages -= acked
  state.bytes -= ackedBytes
  state.consumers.refresh(consumer)
  return acked
}

function settleRange({ settled, ready, expiry }: QueueState, from: number, to: number): void {
  ready.leftRange(from, to)
  expiry.leftRange(from, to)
  if (to - from === 1) settled.add(from)
  else if (from < to) settled.addRange(from, to)
}
