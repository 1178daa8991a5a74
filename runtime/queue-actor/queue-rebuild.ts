/**
 * Makes a queue's core again from what a partition host that died has left in shared memory.
 *
 * The partition host's thread, once, when the actor of a queue begins; a new queue is made so as well. Facts are the frames of the
 * window, the word of each message, and what is on the tables of its consumers. What was waiting for a retry is due at once, and
 * parts of a failed batch are forgotten.
 */
import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { nowMs, wallMs } from '../../actors/world.ts'
import { frameBaseOffset } from '../log/format/frame.ts'
import { framesOf } from '../partition/window-records.ts'
import { QueueCore } from '../queue/queue-core.ts'
import type { AttemptFact, ClaimFact, ConsumerFact, QueueFacts } from '../queue/queue-facts.ts'
import type { QueuePolicy } from '../queue/queue-words.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import { isMovedFrame, type MessageIndex } from './message-index.ts'
import { isOver, MOVED, messageState, SETTLED, stateIn } from './message-word.ts'
import type { QueueBlock } from './queue-block.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { byFall, type FellDue } from './window-times.ts'

/** A message that fell due. */
interface FallenMessage extends FellDue {
  readonly offset: Offset
}

/** Finds where all messages are. */
export function indexWindow(window: WindowWriter, reader: WindowReader, block: QueueBlock, index: MessageIndex): void {
  for (const position of framesOf(window, reader)) {
    const base = frameBaseOffset(reader, position)
    if (!isMovedFrame(reader, position)) {
      index.add(position)
      continue
    }
    // The frame that it was moved from may be here as well: its word there says nothing any more.
    const isInPlace = base >= index.first && base < index.end
    if (isInPlace && stateIn(block.wordOf(base)) !== SETTLED) block.setWord(base, MOVED)
    index.moved(base, position)
  }
  // What was settled where it lies now, or before it was moved, is nowhere.
  for (const offset of [...index.movedOffsets()])
    if (stateIn(index.wordOf(offset)) === SETTLED) index.setWord(offset, SETTLED)
}

/** `consumers`: in the order in which they came. Also the number of the last message that fell due. */
export function coreFrom(
  policy: QueuePolicy,
  block: QueueBlock,
  index: MessageIndex,
  consumers: readonly QueueConsumer[],
): { readonly core: QueueCore; readonly lastFall: number } {
  const live = liveOffsets(block, index)
  const { end } = index
  const floor = live[0] ?? end
  const attempts = live.flatMap(offset => attemptFact(offset, index.wordOf(offset)) ?? [])
  const known: KnownHandOuts = {
    of: offset => messageState(index.wordOf(offset)),
    isOver: (offset, attempt) => isOver(index.wordOf(offset), attempt),
  }
  const claimed = consumers.map((consumer, order) => consumerFact(consumer, order, known))
  const settled = settledRanges(live, end)
  const due = fallen(live, index)
  const counted = {
    deadLettered: block.countOf('deadLettered'),
    dropped: block.countOf('dropped'),
    purged: block.countOf('purged'),
    cancelled: block.countOf('cancelled'),
    expired: block.countOf('expired'),
  }
  const { deadLettered, dropped, purged, cancelled, expired } = counted
  const acked = end - live.length - deadLettered - dropped - purged - cancelled - expired
  const lastTag = claimed.reduce((last, { claims }) => claims.reduce((most, { tag }) => Math.max(most, tag), last), 0)
  const facts: QueueFacts = {
    floor,
    end,
    settled,
    bytes: live.reduce((sum, offset) => sum + index.bytesOf(offset), 0),
    due,
    timed: live.some(offset => index.isTimed(offset)),
    consumers: claimed,
    active: policy.singleActive ? activeOf(claimed, consumers, block.active) : -1,
    // Those that die first, as their letters are in that order.
    attempts: [...attempts.filter(({ dying }) => dying !== null), ...attempts.filter(({ dying }) => dying === null)],
    totals: { accepted: end, acked, ...counted },
    // What its predecessor has handed out lately is not known: as much as may be. A new queue had nothing.
    taken: policy.rate === null || end === 0 ? [] : [{ ms: nowMs(), count: policy.rate.max }],
    lastTag,
    lastCohort: 0,
  }
  return { core: QueueCore.from(policy, index, facts), lastFall: due.at(-1)?.number ?? -1 }
}

function liveOffsets(block: QueueBlock, index: MessageIndex): Offset[] {
  const live = [...index.movedOffsets()]
  for (let offset = index.first; offset < index.end; offset++) {
    const state = stateIn(block.wordOf(offset))
    if (state !== SETTLED && state !== MOVED) live.push(offset)
  }
  return live.sort((a, b) => a - b)
}

/** What fell due of these, in the order in which it did. */
function fallen(live: readonly Offset[], index: MessageIndex): FallenMessage[] {
  const found = live.flatMap(offset => {
    const fall = index.times.fallOf(offset, index.recordOf(offset), index.end)
    return fall === null ? [] : [{ offset, ...fall }]
  })
  return found.sort(byFall)
}

/** What lies between those that are live. */
function settledRanges(live: readonly Offset[], end: Offset): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = []
  live.forEach((offset, at) => {
    const next = live[at + 1] ?? end
    if (next > offset + 1) ranges.push([offset + 1, next])
  })
  return ranges
}

function attemptFact(offset: Offset, word: number): AttemptFact | null {
  const { handOuts, failures, suspect, dying } = messageState(word)
  if (handOuts === 0 && dying === null && !suspect) return null
  const failedMs = failures === 0 ? 0 : wallMs()
  return {
    offset,
    handOuts,
    failures,
    failedAt: failures === 0 ? 0 : handOuts,
    suspect,
    cohort: 0,
    dueMs: null,
    firstFailureMs: failedMs,
    lastFailureMs: failedMs,
    dying,
  }
}

/** What is known of hand-outs that are over. */
export interface KnownHandOuts {
  of(offset: Offset): { readonly suspect: boolean; readonly handOuts: number }
  /** Whether a hand-out of this number is over, and what follows from it is known. */
  isOver(offset: Offset, attempt: number): boolean
}

export function consumerFact(consumer: QueueConsumer, attached: number, known: KnownHandOuts): ConsumerFact {
  const out = consumer.takeOver(known.isOver)
  const claims = out.map(({ tag, number: offset, attempt, standing }, slot): ClaimFact => {
    const claim = { slot, tag: attached * CLAIMS_APART + slot + 1 }
    consumer.name(tag, claim.slot, claim.tag)
    const { suspect, handOuts } = known.of(offset)
    return {
      ...claim,
      offset,
      handOuts: Math.max(attempt, handOuts + 1),
      begun: standing === 'begun',
      suspect,
      deadlineMs: 0,
    }
  })
  const { priority } = consumer.shape
  const prefetchBytes = Number.POSITIVE_INFINITY
  return {
    consumer: consumer.number,
    attached,
    priority,
    // What it wants is asked before anything is handed out.
    prefetch: 0,
    prefetchBytes,
    ackTimeoutMs: Number.POSITIVE_INFINITY,
    claims,
  }
}

/** Tags of different consumers differ. */
const CLAIMS_APART = 2_048

/** With `singleActive`: who had the queue; if it has left, or none had it yet, the next one. */
export function activeOf(facts: readonly ConsumerFact[], consumers: readonly QueueConsumer[], epoch: Epoch): number {
  const active = consumers.find(({ place }) => place.epoch === epoch)
  const holder = facts.find(({ claims }) => claims.length > 0)
  const byPriority = (a: ConsumerFact, b: ConsumerFact): number => (epoch === 0 ? 0 : b.priority - a.priority)
  const first = [...facts].sort((a, b) => byPriority(a, b) || a.attached - b.attached)[0]
  return active?.number ?? (holder ?? first)?.consumer ?? -1
}
