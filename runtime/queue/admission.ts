/**
 * How much of an append a queue takes: exactly as many messages and bytes as its bounds allow.
 *
 * The partition host's thread. Pure. What is ready, out, waiting for a retry or for its dead letter counts, and what was
 * admitted and is not appended yet. With `dropHead` the oldest ready message of the lowest priority makes room, and one
 * after the other until there is enough. Those are only chosen here. They count until their letters are written, and keep their places
 * where that is not so. A message that cannot have room has none chosen. What is scheduled counts when it falls due, and then it is in, whatever
 * the bounds are.
 *
 * Later: a message that is a duplicate is not asked for room.
 */
import { letterOf } from './dying.ts'
import type { Chosen, QueueState } from './queue-state.ts'
import type { Admission, AppendedFields, QueueLetter, WaitingMessage } from './queue-words.ts'

const NOTHING: readonly QueueLetter[] = []

/** Reserves room for the first messages of an append, as many as have any once what was chosen is gone. */
export function admit(state: QueueState, sizes: ArrayLike<number>, dueMs: ArrayLike<number> | null): Admission {
  const { maxMessages, maxBytes, onFull } = state.policy
  if (state.chosen.length > 0)
    throw new Error('broken invariant: nobody has said what became of the messages chosen last')
  let refused: Admission['refused'] = null
  let taken = 0
  let takenBytes = 0
  let [scheduled, scheduledBytes] = [0, 0]
  for (; taken < sizes.length; taken++) {
    const bytes = sizes[taken] as number
    if (bytes > maxBytes || maxMessages < 1) {
      refused = 'tooLarge'
      break
    }
    takenBytes += bytes
    if (dueMs !== null && dueMs[taken] !== 0) {
      scheduled++
      scheduledBytes += bytes
      continue
    }
    const messages = state.messages - state.chosen.length + state.reservedMessages + 1 - maxMessages
    const tooMany = state.bytes - state.chosenBytes + state.reservedBytes + bytes - maxBytes
    if (messages > 0 || tooMany > 0) {
      refused = onFull === 'dropHead' ? choose(state, messages, tooMany) : 'full'
      if (refused !== null) {
        takenBytes -= bytes
        break
      }
    }
    state.reservedMessages++
    state.reservedBytes += bytes
  }
  return {
    taken,
    takenBytes,
    counted: taken - scheduled,
    countedBytes: takenBytes - scheduledBytes,
    refused,
    dropped: state.chosen.length === 0 ? NOTHING : lettersOf(state),
  }
}

/** Whether so many messages, of so many bytes together, would all be taken as things stand, with nothing gone for them. */
export function hasRoomFor(state: QueueState, messages: number, bytes: number): boolean {
  const { maxMessages, maxBytes } = state.policy
  return (
    state.messages - state.chosen.length + state.reservedMessages + messages <= maxMessages &&
    state.bytes - state.chosenBytes + state.reservedBytes + bytes <= maxBytes
  )
}

function lettersOf(state: QueueState): readonly QueueLetter[] {
  return state.chosen.map(({ message: { offset } }) => letterOf(state, offset, state.attempts.find(offset), 'maxlen'))
}

/** Chooses so many messages and so many bytes at least, or none. */
function choose(state: QueueState, messages: number, bytes: number): Admission['refused'] {
  // What was refused before goes first.
  if (state.policy.hasDeadLetters && state.letters.waiting > 0) return 'letters'
  const chosen: Chosen[] = []
  let found = 0
  while (chosen.length < messages || found < bytes) {
    const one = oldestOfLowest(state)
    if (one === null) {
      for (const other of chosen) stays(state, other)
      return 'full'
    }
    if (one.from === 'key') state.keys?.choose(one.message)
    else if (one.from === 'suspects') state.suspects.remove(one.message.offset)
    else state.ready.remove(one.message.offset, one.message.priority)
    chosen.push(one)
    found += one.bytes
  }
  for (const one of chosen) state.chosen.push(one)
  state.chosenBytes += found
  return null
}

/** What makes room next; null: there is nothing. What waits for its turn of its key does so as well. */
function oldestOfLowest(state: QueueState): Chosen | null {
  const { ready, suspects, keys, log } = state
  let message = ready.oldestOfLowest()
  let from: Chosen['from'] = 'ready'
  const suspect = suspects.oldestOfLowest()
  if (suspect !== null && (message === null || isDroppedBefore(state, suspect, message))) {
    message = suspect
    from = 'suspects'
  }
  const waiting = keys?.oldestOfLowest() ?? null
  if (waiting !== null && (message === null || isDroppedBefore(state, waiting, message))) {
    message = waiting
    from = 'key'
  }
  if (message === null) return null
  const { offset } = message
  return { message, bytes: log.bytesOf(offset), key: keys === null ? 0 : log.keyOf(offset), from }
}

/** The first so many of the messages that were chosen are gone; the others keep their places. */
export function dropped(state: QueueState, count: number): void {
  const { chosen, keys } = state
  const gone = chosen.slice(0, count)
  state.chosen = []
  state.chosenBytes = 0
  for (const one of chosen.slice(count)) stays(state, one)
  // None of them gets a turn that one of the others leaves.
  for (const { message, key, from } of gone) if (from === 'key') keys?.remove(key, message.offset, message.priority)
  const as = state.policy.hasDeadLetters ? 'deadLettered' : 'dropped'
  for (const { message, bytes, key, from } of gone) {
    state.settle(message.offset, bytes, state.attempts.find(message.offset), as)
    if (from !== 'key') state.endTurn(key)
  }
}

function stays(state: QueueState, { message, from }: Chosen): void {
  if (from === 'key') state.keys?.putBack(message)
  else state.makeReady(message.offset, message.priority, from === 'suspects')
}

function isDroppedBefore({ order }: QueueState, one: WaitingMessage, other: WaitingMessage): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority
  return order.isBefore(one.offset, other.offset)
}

/** What was admitted is in the log and committed. */
export function appended(state: QueueState, count: number, bytes: number, fields: AppendedFields | null): void {
  const from = state.ready.end
  const dueMs = fields?.dueMs ?? null
  const expiresMs = fields?.expiresMs ?? null
  if (state.plain === null) enterAll(state, count, fields)
  else state.plain.append(count, fields?.priorities ?? null, dueMs)
  state.totals.accepted += count
  let [counted, countedBytes] = [count, bytes]
  for (let index = 0; dueMs !== null && index < count; index++) {
    if (dueMs[index] === 0) continue
    const size = state.log.bytesOf(from + index)
    state.schedule.add(from + index, dueMs[index] as number, size)
    counted--
    countedBytes -= size
  }
  for (let index = 0; expiresMs !== null && index < count; index++)
    state.expiry.add(from + index, expiresMs[index] as number)
  withdrawn(state, counted, countedBytes)
  state.messages += counted
  state.bytes += countedBytes
}

/** The next so many offsets: what is not scheduled is ready, or waits for its turn. */
function enterAll(state: QueueState, count: number, fields: AppendedFields | null): void {
  const offset = state.ready.end
  state.ready.pass(count)
  for (let index = 0; index < count; index++)
    if ((fields?.dueMs?.[index] ?? 0) === 0) state.enter(offset + index, fields?.priorities?.[index] ?? 0)
}

/** What was admitted is not appended, or is there now: so many that had room kept for them. */
export function withdrawn(state: QueueState, count: number, bytes: number): void {
  state.reservedMessages -= count
  state.reservedBytes -= bytes
}
