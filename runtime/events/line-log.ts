/**
 * A logger as the broker uses it: it is handed lines that are fit to be read, and what goes wrong with it is told once.
 *
 * The thread that created the broker. The logger is somebody's code: it may throw, reject, or lose a method. Neither the
 * broker nor the process ends of that. The line that it failed at is then on standard error, once; later ones are not.
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
