/**
 * The headers by which a record in a dead-letter topic says why it is there: added when it dies, taken off on the way back.
 *
 * Leaf, any thread. Invariant: `ownHeaders(dyingHeaders(own, added))` is `own`, so that a record comes back as it was.
 * A record that dies again, in a dead-letter topic, keeps what was added the first time under names of their own;
 * one level of it, so that no loop of republished headers makes a record grow for ever.
 */
import type { Headers } from '../types.ts'

const PREFIX = 'millrace-'
const BEFORE = 'millrace-before-'
/** Counts how often a record was replayed; it stays with the record through all its deaths. */
export const REPLAYED_HEADER = 'millrace-replayed'

/**
 * The headers of a dead letter: the record's own, and those that say why it died. `isReplayed`: a replay wrote the record, so
 * that its count is true; what a publisher calls a count is kept like any other of these names, and counts for nothing.
 */
export function dyingHeaders(own: Headers, added: Headers, isReplayed: boolean): Headers {
  const kept: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(own)) {
    if (!name.startsWith(PREFIX) || (name === REPLAYED_HEADER && isReplayed)) kept[name] = value
    else if (!name.startsWith(BEFORE)) kept[BEFORE + name.slice(PREFIX.length)] = value
  }
  return Object.assign(kept, added)
}

/** The headers of the record as it was before it died; `replayed` is not among them. */
export function ownHeaders(letter: Headers): Headers {
  const own: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(letter)) {
    if (!name.startsWith(PREFIX)) own[name] = value
    else if (name.startsWith(BEFORE)) own[PREFIX + name.slice(BEFORE.length)] = value
  }
  return own
}

/** How often the record was replayed before it died. */
export function replayedCount(headers: Headers): number {
  const text = headers[REPLAYED_HEADER]
  const count = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0
  return count
}
