/**
 * The report at the end: one line of JSON for programs, one sentence for people.
 */
import { grouped } from './grouped.ts'

export interface Summary {
  /** Lines read, blank and broken ones too. */
  readonly lines: number
  readonly published: number
  readonly processed: number
  /** Broken lines and dead letters of the handler. */
  readonly deadLettered: number
  readonly reasons: { readonly [reason: string]: number }
  /** Failed attempts. */
  readonly failures: number
  /** Handler threads that died and were replaced. */
  readonly restarts: number
  /** Lines written to the output. */
  readonly results: number
  readonly seconds: number
  readonly linesPerSecond: number
  readonly threads: number
  readonly interrupted: boolean
  /** Lines that were read and are not done, when the time of grace was over. */
  readonly left: number
}

export function toSentence(summary: Summary): string {
  const counted = (value: number, noun: string) => `${grouped(value)} ${noun}${value === 1 ? '' : 's'}`
  const reasons = Object.entries(summary.reasons).map(([reason, times]) => `${grouped(times)} ${reason}`)
  const dead =
    reasons.length === 0
      ? 'none dead-lettered'
      : `${grouped(summary.deadLettered)} dead-lettered (${reasons.join(', ')})`
  return (
    `${counted(summary.lines, 'line')} in ${summary.seconds.toFixed(2)} s (${grouped(summary.linesPerSecond)}/s): ` +
    `${grouped(summary.processed)} processed, ${dead}, ${counted(summary.failures, 'failed attempt')}`
  )
}
