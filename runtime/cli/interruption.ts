/**
 * Ctrl-C, and SIGTERM: the first asks to finish what was read, for a time of grace, and the second ends the process at once.
 *
 * Main thread.
 */
import { durationText } from './duration.ts'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** The time of grace was over before what was read was done. */
export class GraceOver extends Error {
  override readonly name: string = 'GraceOver'
}

export class Interruption {
  /** Never resolves; rejects with GraceOver so long after the first signal. */
  readonly graceOver: Promise<never>
  readonly #controller = new AbortController()
  #exitCode: number = EXIT_CODES.SIGINT

  constructor(graceMs: number, say: (text: string) => void) {
    this.graceOver = new Promise((_resolve, reject) => {
      this.signal.addEventListener('abort', () => setTimeout(() => reject(new GraceOver()), graceMs).unref())
    })
    // A run that ends in time does not look.
    this.graceOver.catch(() => {})
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

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get exitCode(): number {
    return this.#exitCode
  }
}
