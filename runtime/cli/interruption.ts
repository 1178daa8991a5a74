/**
 * Ctrl-C, and SIGTERM: the first asks to drain what was read, the second ends the process at once.
 */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

export class Interruption {
  readonly #controller = new AbortController()
  #exitCode: number = EXIT_CODES.SIGINT

  constructor(say: (text: string) => void) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        this.#exitCode = EXIT_CODES[name]
        if (this.signal.aborted) process.exit(this.#exitCode)
        say('interrupted: finishing the lines that were read; once more stops at once')
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
