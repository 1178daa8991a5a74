/** The messages and consumers of the naive model (queue-oracle.fixture.ts). */
import type { AppendedFields, LetterReason, QueueCounters, QueueLetter, QueueLog, QueuePolicy } from './queue-words.ts'

export interface OracleMessage {
  readonly offset: number
  priority: number
  readonly bytes: number
  /** Hash of its key; 0: it has none. */
  readonly key: number
  /** When it was handed out last. */
  wentMs: number
  /** When it got its turn of its key, as a number that grows; 0: it waits for it. */
  keyTurn: number
  state: 'scheduled' | 'ready' | 'unacked' | 'retrying' | 'dying'
  /** When it was to fall due, and when it expires; 0 and Infinity: never. */
  scheduledMs: number
  expiresMs: number
  /** Whether it leaves no dead letter then. */
  readonly endsQuietly: boolean
  /** Where it stands in the queue, and as which of those that fell due; 0: it was never scheduled. */
  place: number
  turn: number
  handOuts: number
  failures: number
  /** Hand-outs at its last failure. */
  failedAt: number
  suspect: boolean
  cohort: number
  /** When it is due: again, or at all. */
  dueMs: number
  /** When it was noted for each moment at which it was to fall due and that has not come: of one moment the first goes first. */
  readonly noted: Map<number, number>
  reason: LetterReason
  firstFailureMs: number
  lastFailureMs: number
  /** While it is unacked. */
  consumer: number
  slot: number
  tag: number
  begun: boolean
  /** Since when its time-out runs: a time, and the order of those at one time. */
  beganMs: number
  began: number
  /** Whether it was told that its time is over though it is out. */
  told: boolean
  /** Whether it was cancelled while it was out. */
  cancelled: boolean
}

export interface OracleConsumer {
  readonly number: number
  readonly priority: number
  readonly ackTimeoutMs: number
  readonly attached: number
  prefetch: number
  prefetchBytes: number
  /** Since when it waits for a message; 0: it has no room. */
  waitsSince: number
}

/** The message at this place of an append. */
export function newMessage(offset: number, log: QueueLog, fields: AppendedFields | null, index: number): OracleMessage {
  const priority = fields?.priorities?.[index] ?? 0
  const [scheduledMs, expiresMs] = [fields?.dueMs?.[index] ?? 0, fields?.expiresMs?.[index] ?? 0]
  return {
    offset,
    priority,
    bytes: log.bytesOf(offset),
    key: log.keyOf(offset),
    wentMs: 0,
    keyTurn: 0,
    state: scheduledMs === 0 ? 'ready' : 'scheduled',
    scheduledMs,
    expiresMs: expiresMs === 0 ? Number.POSITIVE_INFINITY : expiresMs,
    endsQuietly: log.endsQuietly?.(offset) === true,
    place: offset,
    turn: 0,
    handOuts: 0,
    failures: 0,
    failedAt: 0,
    suspect: false,
    cohort: 0,
    dueMs: 0,
    noted: new Map(),
    reason: 'failed',
    firstFailureMs: 0,
    lastFailureMs: 0,
    consumer: -1,
    slot: -1,
    tag: 0,
    begun: false,
    beganMs: 0,
    began: 0,
    told: false,
    cancelled: false,
  }
}

export function sum(messages: readonly OracleMessage[]): number {
  return messages.reduce((bytes, message) => bytes + message.bytes, 0)
}

export function letterOf(message: OracleMessage, reason: LetterReason): QueueLetter {
  const { offset, handOuts, failures: failedAttempts, firstFailureMs, lastFailureMs } = message
  return { offset, reason, handOuts, failedAttempts, firstFailureMs, lastFailureMs }
}

type OracleCounts = Pick<
  QueueCounters,
  'ready' | 'dying' | 'unacked' | 'retrying' | 'scheduled' | 'bytes' | 'readyByPriority'
>

/** How many messages are in each state, and their bytes. */
export function countsOf(messages: readonly OracleMessage[], priorities: number): OracleCounts {
  const of = (state: OracleMessage['state']): OracleMessage[] => messages.filter(message => message.state === state)
  const readyByPriority = Array.from({ length: priorities }, () => 0)
  for (const { priority } of of('ready')) readyByPriority[priority]!++
  const [unacked, retrying, dying] = [of('unacked').length, of('retrying').length, of('dying').length]
  return {
    ready: of('ready').length + dying,
    dying,
    unacked,
    retrying,
    scheduled: of('scheduled').length,
    bytes: sum(messages) - sum(of('scheduled')),
    readyByPriority,
  }
}

/** Counts a failure; how many there were. */
export function noteFailure(message: OracleMessage, suspect: boolean, wallMs: number): number {
  message.failures++
  message.failedAt = message.handOuts
  message.suspect = suspect
  message.cohort = 0
  if (message.failures === 1) message.firstFailureMs = wallMs
  message.lastFailureMs = wallMs
  return message.failures
}

/** Time to a retry. */
export function backoffOf({ backoff }: QueuePolicy, failedAttempts: number, share: number): number {
  const { initialMs, maxMs, jitter } = backoff
  return Math.round(Math.min(maxMs, initialMs * 2 ** (failedAttempts - 1)) * (1 - jitter * share))
}
