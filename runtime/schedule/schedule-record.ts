/**
 * What is kept of a schedule: its definition, and how far it is. As text, for a folder.
 *
 * Any thread. Invariant: what `textOf` made is what the other functions read. Text is JSON without exception, since it comes from our own
 * catalog, whose records are checked by their sums.
 */
import { cronTicks } from './cron-ticks.ts'
import type { ScheduleRules, ScheduleState } from './schedule-plan.ts'
import { everyTicks, type Ticks } from './ticks.ts'

/** When a schedule has its ticks. */
export type Rhythm =
  | { readonly cron: string; readonly timeZone: string }
  | { readonly everyMs: number; readonly startMs: number }

/** Where the messages of a schedule go. */
export interface TickTarget {
  readonly kind: 'queue' | 'topic' | 'exchange'
  readonly name: string
  /** Its number; null: it is in memory only, and has another number in each process. */
  readonly id: number | null
}

/** Bytes, as text of base64. */
export interface KeptBytes {
  readonly base64: string
}

/** A message as it is kept. */
export interface KeptMessage {
  readonly key: string | KeptBytes | null
  /** As the codec `form` has it; null: no value. */
  readonly value: string | KeptBytes | null
  readonly form: 'json' | 'bytes' | 'string'
  readonly headers: readonly (readonly [name: string, value: string | KeptBytes])[]
  readonly priority?: number
  readonly delayMs?: number
  readonly ttlMs?: number
  readonly partition?: number
  /** For an exchange. */
  readonly routingKey?: string
}

/** What a schedule is. */
export interface ScheduleDefinition {
  readonly name: string
  readonly rhythm: Rhythm
  readonly rules: ScheduleRules
  readonly target: TickTarget
  readonly message: KeptMessage
}

/** Ticks that were decided last, and are to be sent. */
export interface Sending {
  /** The ticks, in order. */
  readonly ticks: readonly number[]
  readonly places: readonly SendingPlace[]
}

/** Where the messages of some ticks go. */
export interface SendingPlace {
  /** Number of the topic, or of the one that a queue is inside, and its name. */
  readonly topic: number
  readonly name: string
  readonly partition: number
  /** The number of the first tick's message, among all that schedules send there; those of the others follow. */
  readonly first: number
  /** It is in memory only: what was on its way there ended with its process. */
  readonly isInMemory?: true
}

/** How far a schedule is. */
export interface ScheduleProgress extends ScheduleState {
  /** Null: the last decision sent nothing. */
  readonly sending: Sending | null
  /** Offset in its queue of the last message that was sent; null: none is known. */
  readonly lastOffset: number | null
}

/** Whether a schedule goes on with the ticks that it had: it has the same rhythm. A start that is given now counts for new ones only. */
export function isSameRhythm(one: Rhythm, other: Rhythm): boolean {
  if ('cron' in one) return 'cron' in other && one.cron === other.cron && one.timeZone === other.timeZone
  return 'everyMs' in other && one.everyMs === other.everyMs
}

/** The ticks of a rhythm. @throws RangeError where this process no longer knows the zone */
export function ticksOf(rhythm: Rhythm): Ticks {
  return 'cron' in rhythm ? cronTicks(rhythm.cron, rhythm.timeZone) : everyTicks(rhythm.startMs, rhythm.everyMs)
}

/** A schedule that was made just now, or whose rhythm changed. */
export function beginProgress(nowMs: number, paused: boolean): ScheduleProgress {
  return { decidedMs: nowMs, paused, sending: null, lastOffset: null }
}

export function textOf(kept: ScheduleDefinition | ScheduleProgress): string {
  return JSON.stringify(kept)
}

export function definitionOf(text: string): ScheduleDefinition {
  return JSON.parse(text) as ScheduleDefinition
}

export function progressOf(text: string): ScheduleProgress {
  return JSON.parse(text) as ScheduleProgress
}
