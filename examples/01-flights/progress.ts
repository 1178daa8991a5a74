/**
 * How far the example is, on stderr: a line that is written again on a terminal, and a line every ten seconds elsewhere.
 *
 * It is the broker's logger as well. What the broker says is kept until the report is printed, so that it stands in no table.
 */
import type { Logger } from 'millrace'

const AGAIN_MS = 500
const LINE_MS = 10_000
const CLEAR_LINE = '\r\u001b[K'
/** Lines of the broker that are kept; more are counted. */
const KEPT_MAX = 20

export class Progress implements Logger {
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #startedAtMs = performance.now()
  readonly #kept: string[] = []
  #omitted = 0
  #timer: NodeJS.Timeout | undefined

  /** Shows what `sample` returns, again and again. */
  start(sample: () => Promise<string>): void {
    let isAsking = false
    const show = async (): Promise<void> => {
      if (isAsking) return
      isAsking = true
      try {
        const text = await sample()
        if (this.#timer !== undefined) this.#write(text)
      } catch {
        // The broker is being closed.
      } finally {
        isAsking = false
      }
    }
    this.#timer = setInterval(() => void show(), this.#isTerminal ? AGAIN_MS : LINE_MS)
  }

  #write(text: string): void {
    const line = `${text}, ${((performance.now() - this.#startedAtMs) / 1_000).toFixed(0)} s`
    process.stderr.write(this.#isTerminal ? CLEAR_LINE + line : `${line}\n`)
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#isTerminal) process.stderr.write(CLEAR_LINE)
  }

  warn(message: string): void {
    if (this.#kept.length < KEPT_MAX) this.#kept.push(message)
    else this.#omitted++
  }

  error(message: string): void {
    this.warn(message)
  }

  /** Says what the broker has said. */
  sayKept(): void {
    if (this.#kept.length === 0) return
    console.error('\nThe log of the broker:')
    for (const message of this.#kept) console.error(message)
    if (this.#omitted > 0) console.error(`and ${this.#omitted} lines more`)
  }
}
