/**
 * The headers by which a record in a dead-letter topic says why it is there: added when it dies, taken off on the way back.
 *
 * Leaf, any thread. Invariants: `ownHeaders(dyingHeaders(own, added, …))` is `own`, so that a record comes back as it was;
 * what is not `added` bears no name of ours. A record that dies again, in a dead-letter topic, keeps what was added the first
 * time under names of their own, as it would keep a publisher's.
 *
 * The one exception: a letter that somebody has published again, with its headers, keeps those of its last death, and of no
 * earlier one. Without that a record that a program sends round would grow with each round.
 */
import type { Headers } from '../words/message.ts'

const PREFIX = 'millrace-'
const BEFORE = 'millrace-before-'
/** Counts how often a record was replayed; it stays with the record through all its deaths. */
export const REPLAYED_HEADER = 'millrace-replayed'
/** Of a queue's message that has another priority than 0. */
export const PRIORITY_HEADER = 'millrace-priority'

/** Publishers may send so many headers under names of ours: each makes a letter longer. */
export const OUR_NAMES_MAX = 1_000

/** What every letter has. */
const ALWAYS = [
  'topic',
  'partition',
  'offset',
  'group',
  'reason',
  'failed-attempts',
  'first-failure',
  'last-failure',
  'error-name',
  'error-message',
].map(name => PREFIX + name)
const SOMETIMES = ['error-code', 'error-stack', 'error-causes', 'priority', 'replayed'].map(name => PREFIX + name)
/** What a letter has of an earlier death, if it was one before. */
const EARLIER: ReadonlySet<string> = new Set([...ALWAYS, ...SOMETIMES].map(renamed))

/** Who wrote a record, as its attributes say. */
export interface Writer {
  /** A replay did: its count of replays is true. What a publisher calls a count is kept like any other of these names. */
  readonly isReplayed: boolean
  /** A partition host did: it is a letter, in the dead-letter topic in which it dies. */
  readonly isLetter: boolean
}

export function isOurs(name: string): boolean {
  return name.startsWith(PREFIX)
}

function renamed(name: string): string {
  return BEFORE + name.slice(PREFIX.length)
}

/** The headers of a dead letter: the record's own, and those that say why it died. */
export function dyingHeaders(own: Headers, added: Headers, { isReplayed, isLetter }: Writer): Headers {
  const isPublishedAgain = !isLetter && !isReplayed && ALWAYS.every(name => name in own)
  const kept: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(own)) {
    if (!isOurs(name) || (name === REPLAYED_HEADER && isReplayed)) kept[name] = value
    else if (!isPublishedAgain || !EARLIER.has(name)) kept[renamed(name)] = value
  }
  return Object.assign(kept, added)
}

/** The headers of the record as it was before it died; `replayed` is not among them. */
export function ownHeaders(letter: Headers): Headers {
  const own: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(letter)) {
    if (!isOurs(name)) own[name] = value
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

/** The priority that the message had in its queue. */
export function priorityOf(letter: Headers): number {
  const text = letter[PRIORITY_HEADER]
  return typeof text === 'string' && /^\d{1,2}$/.test(text) ? Number(text) : 0
}
