/** Calls of the API, each of which is written down with how it ended, and is given up as hung after a while. */
import { isMillraceError } from '../../../words/errors.ts'
import { within } from '../within.fixture.ts'
import type { Sink } from './sink.ts'

/** No call of a program waits for longer than what the program itself holds back. */
const CALL_MS = 20_000

/** Of one process; a call's number is never used again. */
export class Calls {
  readonly #sink: Sink
  #next: number

  constructor(sink: Sink, life: number) {
    this.#sink = sink
    this.#next = life * 1_000_000
  }

  /** A number for what is written down of a call before it is made. */
  number(): number {
    return this.#next++
  }

  /** What the call came to, or the error that it was rejected with. `about` is what the rules may need to know of it. */
  async make<T>(what: string, call: () => Promise<T>, about = '', number: number = this.number()): Promise<T | Error> {
    this.#sink.add({ e: 'call', call: number, what, about })
    let result: T | Error
    let code = 'ok'
    let why = ''
    const since = performance.now()
    try {
      result = await within(CALL_MS, what, call())
    } catch (error) {
      result = error instanceof Error ? error : new Error(String(error))
      code = isMillraceError(error) ? error.code : / took longer than /.test(result.message) ? 'HANG' : 'OTHER'
      const cause = result.cause
      why = isMillraceError(cause) ? `${cause.code} ${result.message}` : result.message
    }
    const ms = Math.round(performance.now() - since)
    this.#sink.add({ e: 'returned', call: number, what, code, why: why.slice(0, 300), ms })
    return result
  }
}
