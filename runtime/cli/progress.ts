/**
 * The line that says how far the run is, and notes.
 *
 * Main thread. On a terminal the line is written again five times a second, below the notes. Elsewhere, in a log for instance, there is one
 * more line every ten seconds, so that a run of hours is not silent.
 */
import type { WriteStream } from 'node:tty'
import { printableLine } from '../base/printable.ts'
import type { Logger } from '../words/common-options.ts'
import { grouped } from './grouped.ts'

export interface Sample {
  readonly lines: number
  readonly lag: number
  readonly retries: number
  readonly deadLetters: number
}

const INTERVAL_MS = 200
/** Between two lines where a line cannot be written again. */
const LINE_MS = 10_000
const CLEAR_LINE = '\r\u001b[K'

/** The part of `process.stderr` that is used here. */
export type ProgressStream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

export class Progress implements Logger {
  readonly #stream: ProgressStream
  readonly #lineMs: number
  #timer: NodeJS.Timeout | undefined
  #shown = ''

  constructor(stream: ProgressStream, lineMs: number = LINE_MS) {
    this.#stream = stream
    this.#lineMs = lineMs
  }

  /** Begins to show samples. One that takes long is not asked for twice. */
  start(sample: () => Promise<Sample>): void {
    const startedAtMs = performance.now()
    let asking = false
    this.#timer = setInterval(() => {
      if (asking) return
      asking = true
      sample()
        .then(
          taken => this.#show(progressLine(taken, (performance.now() - startedAtMs) / 1_000)),
          () => {}, // The run is being closed.
        )
        .finally(() => {
          asking = false
        })
    }, this.#intervalMs)
  }

  get #intervalMs(): number {
    return this.#stream.isTTY === true ? INTERVAL_MS : this.#lineMs
  }

  /** A line that stays. */
  note(text: string): void {
    const line = `${printableLine(text)}\n`
    this.#stream.write(this.#shown === '' ? line : `${CLEAR_LINE}${line}${this.#shown}`)
  }

  warn(message: string): void {
    this.note(message)
  }

  error(message: string): void {
    this.note(message)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#shown !== '') this.#stream.write(CLEAR_LINE)
    this.#shown = ''
  }

  #show(line: string): void {
    if (this.#timer === undefined) return
    if (this.#stream.isTTY !== true) {
      this.note(`millrace: ${line}`)
      return
    }
    this.#shown = line.slice(0, Math.max(10, (this.#stream.columns ?? 80) - 1))
    this.#stream.write(CLEAR_LINE + this.#shown)
  }
}

export function progressLine({ lines, lag, retries, deadLetters }: Sample, seconds: number): string {
  const rate = grouped(Math.round(lines / Math.max(seconds, 0.001)))
  return `${grouped(lines)} lines, ${rate}/s, lag ${grouped(lag)}, ${grouped(retries)} retries, ${grouped(deadLetters)} dead letters`
}
