/** Schedules: messages that a broker sends at times of their own. Types only. */
import type { GivenHeaders, Key } from './message.ts'

/** When a schedule has its ticks, and what becomes of those that cannot be sent on time. Exactly one of `cron` and `everyMs` is given. */
export interface ScheduleOptions {
  /**
   * Cron pattern of five fields (minute, hour, day of the month, month, day of the week), or six with seconds first. Names such as `MON` and
   * `JAN`, lists, ranges, steps, and `L`, `W`, `#` are known.
   *
   * Where local time jumps forward, a time that does not exist has its tick at the end of the gap. Where it jumps back, a time that
   * exists twice has one tick, at its first. A pattern with `*` or a step in its seconds, minutes or hours is an interval: it skips the gap,
   * and goes on through the hour that comes again.
   */
  readonly cron?: string | undefined
  /** Time from tick to tick, in ms, 1 or more. The first tick is that time after the schedule was made. */
  readonly everyMs?: number | undefined
  /** IANA name of the time zone of `cron`, such as `'Europe/Berlin'`; default `'UTC'`. */
  readonly timeZone?: string | undefined
  /**
   * What becomes of ticks that were missed, since nothing ran or the clock was set: `'skip'`, none is sent. `'once'` (default), the last
   * one is sent for all of them. `'all'`, each is sent. The last tick that is due is not missed for a minute.
   */
  readonly missed?: 'skip' | 'once' | 'all' | undefined
  /**
   * While the message of the tick before is not settled, `'send'` (default) sends the next one, and `'skip'` leaves the tick out. `'skip'`
   * is for queues only.
   */
  readonly overlap?: 'send' | 'skip' | undefined
}

/**
 * The message of a schedule. Each tick sends it with the headers `millrace-schedule`, the name, and `millrace-tick`, the instant of the tick
 * as in `Date.toISOString`.
 */
export interface TickMessage<V = unknown> {
  /** Value of the message, as it is now. */
  readonly value: V
  /** Key of the message; default: none. */
  readonly key?: Key | null | undefined
  /** Headers of the message; default: none. */
  readonly headers?: GivenHeaders | undefined
  /** For a queue or an exchange: priority of the message; default 0. */
  readonly priority?: number | undefined
  /** For a queue or an exchange: time from its tick on in which no consumer gets the message, in ms; default 0. */
  readonly delayMs?: number | undefined
  /** For a queue or an exchange: time in which a consumer must get the message, in ms, at least 1; default `Infinity`. */
  readonly ttlMs?: number | undefined
  /** For a topic: partition of the message. Default: that of the key; without a key all ticks of a schedule go to one partition. */
  readonly partition?: number | undefined
  /** For an exchange: routing key of the message; default `''`. */
  readonly routingKey?: string | undefined
}

/** Ticks of a schedule since the broker was opened. */
export interface ScheduleStats {
  /** Ticks whose message was sent. */
  readonly sent: number
  /** Ticks that were missed and not sent. More than 1,000 at a time count as 1,000. */
  readonly missed: number
  /** Ticks that were left out by `overlap: 'skip'`. */
  readonly overlapped: number
  /** Ticks whose message the target did not take. */
  readonly refused: number
}

/** A schedule of a broker. */
export interface Schedule {
  /** Name of the schedule. */
  readonly name: string
  /** Name of the queue, topic or exchange that its messages go to. */
  readonly target: string
  /** Whether it is paused. */
  readonly paused: boolean
  /**
   * The next ticks, at most `count` of them, 1 (default) to 1,000. None where it is paused, was removed, or has no tick any more.
   *
   * @throws MillraceError `MILL_OUT_OF_RANGE`
   */
  next(count?: number): readonly Date[]
  /** What became of its ticks since the broker was opened. */
  stats(): ScheduleStats
  /**
   * Sends nothing until `resume`, also in the next process. A tick that is due goes first. One that waits for room in its target still goes,
   * and those that are due behind it are missed.
   */
  pause(): Promise<void>
  /** Goes on. The ticks of the pause are neither sent nor missed. */
  resume(): Promise<void>
  /** Ends the schedule. What it has sent stays where it is. */
  remove(): Promise<void>
}
