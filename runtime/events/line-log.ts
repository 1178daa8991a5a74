/**
 * The logger of a broker: it receives printable lines, and its first failure is reported.
 *
 * The thread that created the broker. The logger is user code: it may throw, reject, or lose a method. That ends
 * neither the broker nor the process. The first line that it refused is written to standard error; later ones are not.
 */

import { printableLine } from '../base/printable.ts'
import { isPromiseLike, promiseOf } from '../base/promise-like.ts'
import { toStderr } from '../base/stderr.ts'
import type { Logger } from '../words/common-options.ts'
import { toWire } from '../words/errors.ts'

const STDERR: Logger = { warn: message => toStderr(message), error: message => toStderr(message) }
/** The line itself is to be seen, too. */
const WHY_CHARS_MAX = 200

export class LineLog {
  readonly #logger: Logger | null
  readonly #say: (text: string) => void
  #hasFailed = false

  /** `say` has what the logger did not take. */
  constructor(logger: Logger | false | undefined, say: (text: string) => void = text => toStderr(text)) {
    this.#logger = logger === false ? null : (logger ?? STDERR)
    this.#say = say
  }

  /** Whether a line would be heard. */
  get isHeard(): boolean {
    return this.#logger !== null
  }

  write(level: keyof Logger, text: string): void {
    const line = printableLine(text)
    try {
      const returned: unknown = this.#logger?.[level](line)
      if (isPromiseLike(returned)) promiseOf(returned).catch((error: unknown) => this.#failed(level, line, error))
    } catch (error) {
      this.#failed(level, line, error)
    }
  }

  #failed(level: keyof Logger, line: string, error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const why = printableLine(toWire(error).message, WHY_CHARS_MAX)
    this.#say(`millrace: the logger failed (${level}: ${why}), which is told once; it did not take this: ${line}`)
  }
}
