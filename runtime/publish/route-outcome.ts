/**
 * What becomes of a message that an exchange routes: what each of its targets has said, and from that one answer.
 *
 * The producer's thread. Pure. It is answered when all targets have answered, so that the answer names each of them. Bound: its targets.
 */

import type { RouteTarget } from '../wire/route-changes.ts'
import { isMillraceError, PartlyRoutedError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Receipt } from '../words/message.ts'
import { RoutedReceipt } from './routed-receipt.ts'

/** Names that a message has of one kind of targets; all are in the lists of the error. */
const NAMED_MAX = 10

/** Of several targets. */
export class RouteOutcome {
  readonly #exchange: string
  readonly #targets: readonly RouteTarget[]
  readonly #answers: (Receipt | Error)[]
  #left: number
  readonly #resolve: (receipt: RouteReceipt) => void
  readonly #reject: (error: Error) => void

  constructor(
    exchange: string,
    targets: readonly RouteTarget[],
    resolve: (receipt: RouteReceipt) => void,
    reject: (error: Error) => void,
  ) {
    this.#exchange = exchange
    this.#targets = targets
    this.#answers = new Array(targets.length)
    this.#left = targets.length
    this.#resolve = resolve
    this.#reject = reject
  }

  /** A target, by its place among the targets, has answered. */
  answered(target: number, answer: Receipt | Error): void {
    this.#answers[target] = answer
    this.#left--
    if (this.#left > 0) return
    const failed = this.#answers.find(isError)
    if (failed === undefined) this.#resolve(new RoutedReceipt(this.#targets, this.#answers as Receipt[]))
    else this.#reject(this.#error(failed))
  }

  /** If no target has it, or can have it, the reason of one of them says all. */
  #error(first: Error): Error {
    const taken = this.#namesOf(answer => !isError(answer))
    const refused = this.#namesOf(answer => isError(answer) && isRefusal(answer))
    const unknown = this.#namesOf(answer => isError(answer) && !isRefusal(answer))
    if (taken.length === 0 && (refused.length === 0 || unknown.length === 0)) return first
    const said = [
      taken.length > 0 ? `${listed(taken)} took it` : '',
      refused.length > 0 ? `${listed(refused)} refused it` : '',
      unknown.length > 0 ? `of ${listed(unknown)} it is not known` : '',
    ].filter(part => part !== '')
    const text = `not all targets of exchange ${this.#exchange} have the message: ${said.join(', ')}; ${first.message}`
    return new PartlyRoutedError(text, taken, refused, unknown, first)
  }

  #namesOf(is: (answer: Receipt | Error) => boolean): readonly string[] {
    const targets = this.#targets.filter((_, target) => is(this.#answers[target] as Receipt | Error))
    return targets.map(({ name }) => name)
  }
}

function isError(answer: Receipt | Error): answer is Error {
  return answer instanceof Error
}

/** Whether it is certain that its target has not taken the message. */
function isRefusal(error: Error): boolean {
  return ['MILL_FULL', 'MILL_TOO_LARGE', 'MILL_UNSERIALISABLE'].some(code =>
    isMillraceError(error, code as 'MILL_FULL'),
  )
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ')
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown
}
