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
  readonly diesAt: number
}

/** What consumers see of a message. */
export interface KilledDelivery {
  readonly value: KilledValue
  readonly id: string
  readonly offset: number
  readonly deliveryAttempt: number
  readonly failedAttempts: number
}

/** Small files, so that many deaths find them being closed, removed or written anew. With one partition host, whose files are known then. */
export const KILLED = {
  queue: {
    priorities: 3,
    attempts: 3,
    maxMessageBytes: 4_096,
    backoff: { initialMs: 5, maxMs: 20 },
    keyConcurrency: 1,
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

/** Of three messages two have one of these keys. */
const LANES = 23

/** The message's key in the queue, -1: none. */
export function laneOf(sequence: number): number {
  return sequence % 3 === 0 ? -1 : Math.floor(sequence / 3) % LANES
}

/** Messages of one key are of one priority: otherwise the priority would decide on their order. */
export function priorityOf(sequence: number): number {
  const lane = laneOf(sequence)
  return (lane === -1 ? sequence >> 2 : lane) % KILLED.queue.priorities
}

/** Of three messages one has an id; four of a life have the same one at a time, and the next lives have many of them again. */
export function idOf({ life, sequence }: { readonly life: number; readonly sequence: number }): string | undefined {
  return sequence % 6 < 4 ? undefined : `job-${life * 10 + Math.floor(sequence / 12)}`
}

/** Of seven messages one is taken back, if it is not handled before. */
export function isTakenBack(sequence: number): boolean {
  return sequence % 7 === 6
}

/** Of nine messages one has a short delay, one a long one, and one a time to live. */
export function timesOf(sequence: number): { readonly delayMs?: number; readonly ttlMs?: number } {
  const rest = sequence % 9
  if (rest === 4) return { delayMs: 30 }
  if (rest === 8) return { delayMs: 400 }
  return rest === 2 ? { ttlMs: 300 } : {}
}

/** The clocks of two moments are two. */
const EARLY_MS = 5
/** What a busy machine may take between the hand-out and the look at the clock. */
const LATE_MS = 2_000

/** The line of a message that a consumer begins now: an untimely one has the line of that first. */
export function beginLine(delivery: KilledDelivery): string {
  const { value, id, offset, deliveryAttempt, failedAttempts } = delivery
  const key = keyOf(value)
  const [early, late] = [value.dueAt - Date.now(), Date.now() - value.diesAt]
  const begun = `b ${key} ${id} ${offset} ${deliveryAttempt} ${failedAttempts}`
  if (early > EARLY_MS) return `t ${key} ${-early}\n${begun}`
  return value.diesAt > 0 && late > LATE_MS ? `t ${key} ${late}\n${begun}` : begun
}

/** Of twenty messages one is never handled, one is rejected, one fails once, and two are released once. */
export function conductOf(sequence: number): KilledConduct {
  const rest = sequence % 20
  if (rest === 3) return 'fail'
  if (rest === 7) return 'reject'
  if (rest === 11) return 'failOnce'
  return rest === 13 || rest === 17 ? 'release' : 'ack'
}
