/** The messages and consumers of the naive model (queue-oracle.fixture.ts). */
import type { LetterReason, QueueCounters, QueueLetter } from './queue-words.ts'

export interface OracleMessage {
  readonly offset: number
  readonly priority: number
  readonly bytes: number
  /** Hash of its key; 0: it has none. */
  readonly key: number
  /** When it was handed out last. */
  wentMs: number
  /** When it got its turn of its key, as a number that grows; 0: it waits for it. */
  turn: number
  state: 'ready' | 'unacked' | 'retrying' | 'dying'
  handOuts: number
  failures: number
  /** Hand-outs at its last failure. */
  failedAt: number
  suspect: boolean
  cohort: number
  dueMs: number
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

export function newMessage(offset: number, priority: number, bytes: number, key: number): OracleMessage {
  return {
    offset,
    priority,
    bytes,
    key,
    wentMs: 0,
    turn: 0,
    state: 'ready',
    handOuts: 0,
    failures: 0,
    failedAt: 0,
    suspect: false,
    cohort: 0,
    dueMs: 0,
    reason: 'failed',
    firstFailureMs: 0,
    lastFailureMs: 0,
    consumer: -1,
    slot: -1,
    tag: 0,
    begun: false,
    beganMs: 0,
    began: 0,
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
    scheduled: 0,
    bytes: sum(messages),
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
