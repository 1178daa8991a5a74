/**
 * The end of lines that cannot be processed: in the dead-letter file, or, without one, counted, with the first few
 * printed.
 *
 * Main thread. Broken lines come straight from the input, dead letters of the handler from the dead-letter topic; both
 * become lines of the same form.
 */
import type { Delivery } from '../words/delivery.ts'
import { inWordsOfLines } from './broker-words.ts'
import { inOneLine } from './failure.ts'
import { LINE_HEADER } from './line-header.ts'
import type { LineSink } from './line-sink.ts'
import type { BrokenLine } from './parse-line.ts'

/** Dead letters that are said on stderr when there is no file for them. */
const SAID_MAX = 5
/** Length of a printed error. */
const ERROR_CHARS_MAX = 200

export interface DeadLetterLine {
  /** Number of the source line, from 1. */
  readonly line: number | null
  readonly reason: string
  readonly error: string
  /** Failed attempts. */
  readonly attempts: number
  readonly key: string | null
  readonly value?: unknown
  /** Instead of `value`, of a line that never had one. */
  readonly raw?: string
}

export class DeadLetterLog {
  readonly #sink: LineSink | undefined
  readonly #say: (text: string) => void
  readonly #reasons = new Map<string, number>()
  #count = 0

  constructor(sink: LineSink | undefined, say: (text: string) => void) {
    this.#sink = sink
    this.#say = say
  }

  get count(): number {
    return this.#count
  }

  /** How many there are of each reason. */
  get reasons(): { readonly [reason: string]: number } {
    return Object.fromEntries(this.#reasons)
  }

  addBroken({ line, reason, error, raw }: BrokenLine): Promise<void> | undefined {
    return this.#add({ line, reason, error, attempts: 0, key: null, raw })
  }

  addDeadLetter(delivery: Delivery): Promise<void> | undefined {
    const { headers, key } = delivery
    const line = Number(headers[LINE_HEADER] ?? Number.NaN)
    const name = header(headers, 'millrace-error-name')
    const message = header(headers, 'millrace-error-message')
    const code = header(headers, 'millrace-error-code')
    const reason = header(headers, 'millrace-reason') ?? 'failed'
    return this.#add({
      line: Number.isInteger(line) ? line : null,
      reason,
      error: inWordsOfLines(code, message || name || reason, 'result'),
      attempts: Number(header(headers, 'millrace-failed-attempts') ?? 0),
      key,
      value: delivery.value,
    })
  }

  #add(letter: DeadLetterLine): Promise<void> | undefined {
    this.#count++
    this.#reasons.set(letter.reason, (this.#reasons.get(letter.reason) ?? 0) + 1)
    if (this.#sink !== undefined) return this.#sink.write(Buffer.from(JSON.stringify(letter)))
    if (this.#count <= SAID_MAX)
      this.#say(`line ${letter.line ?? '?'}: ${letter.reason}: ${inOneLine(letter.error, ERROR_CHARS_MAX)}`)
    if (this.#count === SAID_MAX) this.#say('further ones are only counted; --dead-letter FILE keeps them')
    return undefined
  }
}

function header(headers: Delivery['headers'], name: string): string | undefined {
  const value = headers[name]
  return value === undefined || typeof value === 'string' ? value : Buffer.from(value).toString()
}
