/**
 * Ctrl-C, and SIGTERM: the first asks to finish what was read, for a time of grace, and the second ends the process at once. What was read
 * may also have a limit from the end of the input on.
 *
 * Main thread.
 */
import { durationText } from './duration.ts'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** The time of an option was over before what was read was done. */
export class TimeOver extends Error {
  override readonly name: string = 'TimeOver'

  /** `option`: as users name it. */
  constructor(option: string, ms: number) {
    super(`${option} ${durationText(ms)} is over`)
  }
}

export class Interruption {
  /** Never resolves; rejects with TimeOver so long after the first signal, or after the end of the input. */
  readonly timeOver: Promise<never>
  #reject: (error: TimeOver) => void = () => {}
  readonly #controller = new AbortController()
  #exitCode: number = EXIT_CODES.SIGINT

  constructor(graceMs: number, say: (text: string) => void) {
    this.timeOver = new Promise((_resolve, reject) => {
      this.#reject = reject
    })
    // A run that ends in time does not look.
    this.timeOver.catch(() => {})
    this.signal.addEventListener('abort', () => this.#limit('--grace', graceMs))
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        this.#exitCode = EXIT_CODES[name]
        if (this.signal.aborted) process.exit(this.#exitCode)
        const limit = `for ${durationText(graceMs)} at most`
        say(`interrupted: finishing the lines that were read, ${limit}; once more stops at once`)
        this.#controller.abort()
      })
    }
  }

  #limit(option: string, ms: number): void {
    setTimeout(() => this.#reject(new TimeOver(option, ms)), ms).unref()
  }

  /** All was read, and may take so long from now on; `undefined`: as long as it takes. */
  ended(drainMs: number | undefined): void {
    if (drainMs !== undefined && !this.signal.aborted) this.#limit('--drain', drainMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get exitCode(): number {
    return this.#exitCode
  }
}
