/** The queue of processes that are killed, which parent and child open alike, and what becomes of each of its messages. Leaf, any thread. */

/** What consumers do with a message. */
export type KilledConduct = 'ack' | 'failOnce' | 'fail' | 'reject' | 'release'

export interface KilledValue {
  readonly life: number
  readonly sequence: number
  readonly text: string
  /** When it is due, on the wall clock; 0: at once. */
  readonly dueAt: number
}

/** Small files, so that many deaths find them being closed, removed or written anew. With one partition host, whose files are known then. */
export const KILLED = {
  queue: { priorities: 3, attempts: 3, maxMessageBytes: 4_096, backoff: { initialMs: 5, maxMs: 20 } },
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

/** Of nine messages one has a short delay, one a long one, and one a time to live. */
export function timesOf(sequence: number): { readonly delayMs?: number; readonly ttlMs?: number } {
  const rest = sequence % 9
  if (rest === 4) return { delayMs: 30 }
  if (rest === 8) return { delayMs: 400 }
  return rest === 2 ? { ttlMs: 300 } : {}
}

/** Whether a message is handed out before it is due. The clocks of two moments are two. */
export function isEarly({ dueAt }: KilledValue): boolean {
  return Date.now() < dueAt - 5
}

/** Of twenty messages one is never handled, one is rejected, one fails once, and two are released once. */
export function conductOf(sequence: number): KilledConduct {
  const rest = sequence % 20
  if (rest === 3) return 'fail'
  if (rest === 7) return 'reject'
  if (rest === 11) return 'failOnce'
  return rest === 13 || rest === 17 ? 'release' : 'ack'
}
