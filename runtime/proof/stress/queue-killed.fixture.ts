/** The queue of processes that are killed, which parent and child open alike, and what becomes of each of its messages. Leaf, any thread. */

/** What consumers do with a message. */
export type KilledConduct = 'ack' | 'failOnce' | 'fail' | 'reject' | 'release'

export interface KilledValue {
  readonly life: number
  readonly sequence: number
  readonly text: string
  /** When it is due, on the wall clock; 0: at once. */
  readonly dueAt: number
  /** When its time to live is over, on the wall clock; 0: never. */
  readonly expiresAt: number
}

/** Small files, so that many deaths find them being closed, removed or written anew. With one partition host, whose files are known then. */
export const KILLED = {
  queue: {
    priorities: 3,
    attempts: 3,
    maxMessageBytes: 4_096,
    backoff: { initialMs: 5, maxMs: 20 },
    keyConcurrency: 1,
    // Longer than a folder lives.
    dedupeMs: 3_600_000,
  },
  name: 'jobs',
  letters: 'jobs.dlq',
  partitionThreads: 1,
  tuning: { journalBytes: 131_072, queueSegmentBytes: 65_536, settledCompactBytes: 16_384 },
  /** Ready messages beyond which a process sends no more: fewer than a consumer can have. */
  readyMax: 600,
} as const

export function keyOf({ life, sequence }: { readonly life: number; readonly sequence: number }): string {
  return `${life}:${sequence}`
}

export function priorityOf(sequence: number): number {
  return (sequence >> 2) % KILLED.queue.priorities
}

/** One message of four has one of 21 keys; those of a key have one priority. */
export function orderKeyOf(sequence: number): string | null {
  return sequence % 4 === 2 ? `key-${(sequence >> 2) % 21}` : null
}

/** One message of three has an id, by which it may be sent again. */
export function idOf(life: number, sequence: number): string | undefined {
  return sequence % 3 === 0 ? `id-${life}-${sequence}` : undefined
}

/** One message of eleven is cancelled: at once, or some ms after its receipt. */
export function isCancelled(sequence: number): boolean {
  return sequence % 11 === 5
}

/** What a consumer gets as the name of a message: two messages of one id have two. */
export function nameOf(id: string, offset: number): string {
  return `${id}@${offset}`
}

/** Of nine messages one has a short delay, one a long one, and one a time to live. */
export function timesOf(sequence: number): { readonly delayMs?: number; readonly ttlMs?: number } {
  const rest = sequence % 9
  if (rest === 4) return { delayMs: 30 }
  if (rest === 8) return { delayMs: 400 }
  return rest === 2 ? { ttlMs: 300 } : {}
}

/** A thread may stand still between the two moments that are compared. */
const STALL_MS = 1_000

/** What is wrong with the moment at which a message begins; undefined: nothing. The clocks of two moments are two. */
export function wrongTime({ dueAt, expiresAt }: KilledValue): string | undefined {
  const now = Date.now()
  if (now < dueAt - 5) return `came ${dueAt - now} ms before it was due`
  return expiresAt > 0 && now > expiresAt + STALL_MS ? `came ${now - expiresAt} ms after its time to live` : undefined
}

/** Of twenty messages one is never handled, one is rejected, one fails once, and two are released once. */
export function conductOf(sequence: number): KilledConduct {
  const rest = sequence % 20
  if (rest === 3) return 'fail'
  if (rest === 7) return 'reject'
  if (rest === 11) return 'failOnce'
  return rest === 13 || rest === 17 ? 'release' : 'ack'
}

/** What a message is updated to that has neither key nor id: a delayed one to a delay that no life is as long as, and one of the lowest priority to the highest. */
export function changeOf(sequence: number): { readonly priority: number } | { readonly delayMs: number } | null {
  const { delayMs, ttlMs } = timesOf(sequence)
  const isNamed = orderKeyOf(sequence) !== null || idOf(0, sequence) !== undefined
  if (isNamed || ttlMs !== undefined || conductOf(sequence) !== 'ack' || isCancelled(sequence)) return null
  if (delayMs !== undefined) return { delayMs: 60_000 }
  return priorityOf(sequence) === 0 ? { priority: KILLED.queue.priorities - 1 } : null
}
