/**
 * Dead letters of a queue on disk whose messages are not said to be settled: the death of a host leaves one of them, and at `os` a loss of
 * power many. Their messages are settled before anything else is done, so that no message is beside its letter, or has two.
 *
 * The partition host's thread, once, when the actor of a queue begins. Letters are looked at from an end on that is written down with what
 * was settled (`KnownLetters`), as the letters below it are of messages that are.
 *
 * A loss of power may take messages and leave their letters, and then other messages come to have their offsets. It may take letters, and
 * then others come to lie below that end. So an end that was not exact is replaced, durably, before anything is appended.
 *
 * Bound: a number for each letter of the queue behind that end.
 */
import { nearestOffset } from '../log/format/frame.ts'
import type { KnownLetters, SettledChange } from '../log/format/settled-change.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { CursorId, Offset } from '../words/quantities.ts'
import type { MessageSource } from './message-source.ts'
import { OffsetRuns } from './offset-runs.ts'

export interface BuriedQueue {
  readonly disk: Pick<PartitionDisk, 'place' | 'writeSettledForGood'>
  readonly source: Pick<MessageSource, 'bytesOf'>
  /** What is written down: live. */
  readonly state: SettledState
  /** First offset that was not appended. */
  readonly end: Offset
  readonly target: PartitionActor | null
  /** By which its letters are known. */
  readonly cursor: CursorId
}

/** The end of a dead-letter topic, now; null: there is none on disk, and the letters go with the process. */
export function lettersEnd(target: PartitionActor | null): KnownLetters | null {
  return target === null || target.disk === null ? null : { topic: target.topic.id, end: target.highWatermark }
}

/** Settles the messages whose letters are there. A disk that fails meanwhile says so to whoever does something next. */
export function settleBuried(queue: BuriedQueue): void {
  const { disk, state, end, target, cursor } = queue
  if (target === null) return
  const letters = lettersEnd(target)
  const from = state.letters?.topic === target.topic.id ? state.letters.end : 0
  if (letters?.end === from) return
  // An empty queue has no message that might be settled, and its dead-letter topic may have many letters of others.
  const found = end === 0 ? [] : [...target.sequencesOf(cursor, from)]
  const isExact = end > 0 && found.length === 0 && letters !== null && letters.end > from
  const buried = found
    .map(low => nearestOffset(state.floor, low))
    .filter(offset => offset >= state.floor && offset < end && !state.settled.has(offset))
    .sort((a, b) => a - b)
  if (isExact || (letters === null && buried.length === 0)) return
  disk.writeSettledForGood({ ...disk.place, ...settledChange(queue, buried), letters })
}

function settledChange({ state, source }: BuriedQueue, buried: readonly Offset[]): Partial<SettledChange> {
  if (buried.length === 0) return {}
  const { known, totals } = state
  const settled = new OffsetRuns()
  let bytes = known?.bytes ?? 0
  for (const offset of buried) {
    settled.add(offset)
    if (known !== null && offset < known.end) bytes -= source.bytesOf(offset)
  }
  return {
    settled: settled.take(),
    totals: { ...totals, deadLettered: totals.deadLettered + buried.length },
    known: known === null ? null : { end: known.end, bytes },
  }
}
