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

const REFUSALS = ['MILL_FULL', 'MILL_TOO_LARGE', 'MILL_UNSERIALISABLE'] as const
/** Names that a message has of one kind of targets; all are in the lists of the error. */
const NAMED_MAX = 10

/** Of several targets. */
export class RouteOutcome {
  readonly #exchange: string
  readonly #targets: readonly RouteTarget[]
  readonly #answers: (Receipt | Error)[] = []
  /** Targets to which it has not been sent. */
  #held: Set<number> | null = null
  /** Targets that have it not, because another has refused it. */
  #withheld: Set<number> | null = null
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
    this.#left = targets.length
    this.#resolve = resolve
    this.#reject = reject
  }

  /** The message has not been sent to this target so far. */
  held(target: number): void {
    this.#held ??= new Set()
    this.#held.add(target)
  }

  /** Another target of its host has refused it, or has no host any more. */
  withheld(target: number): void {
    this.#withheld ??= new Set()
    this.#withheld.add(target)
  }

  sent(target: number): void {
    this.#held?.delete(target)
  }

  /** So many targets have it; false: those are not all. `receipts`: of all, in their order. */
  taken(targets: number, receipts: () => readonly Receipt[]): boolean {
    if (targets < this.#targets.length) return false
    this.#resolve(new RoutedReceipt(this.#targets, receipts))
    return true
  }

  /** A target, by its place among the targets, has answered. */
  answered(target: number, answer: Receipt | Error): void {
    this.#answers[target] = answer
    this.#left--
    if (this.#left > 0) return
    const failed =
      this.#answers.find((answer, at) => isError(answer) && this.#withheld?.has(at) !== true) ??
      this.#answers.find(isError)
    if (failed === undefined) this.#resolve(new RoutedReceipt(this.#targets, this.#answers as Receipt[]))
    else this.#reject(this.#error(failed as Error))
  }

  /** If no target is known to have it, the reason of one of them says all: of one that may have it, if there is such. */
  #error(first: Error): Error {
    const taken = this.#namesOf(answer => !isError(answer))
    const refused = this.#namesOf((answer, target) => isError(answer) && this.#isRefusal(answer, target))
    const unknown = this.#namesOf((answer, target) => isError(answer) && !this.#isRefusal(answer, target))
    if (taken.length === 0) return unknown.length === 0 ? first : this.#errorOf(unknown[0] as string)
    const said = [
      taken.length > 0 ? `${listed(taken)} took it` : '',
      refused.length > 0 ? `${listed(refused)} refused it` : '',
      unknown.length > 0 ? `of ${listed(unknown)} it is not known` : '',
    ].filter(part => part !== '')
    const text = `not all targets of exchange ${this.#exchange} have the message: ${said.join(', ')}; ${first.message}`
    return new PartlyRoutedError(text, taken, refused, unknown, first)
  }

  #errorOf(target: string): Error {
    return this.#answers[this.#targets.findIndex(({ name }) => name === target)] as Error
  }

  #namesOf(is: (answer: Receipt | Error, target: number) => boolean): readonly string[] {
    const targets = this.#targets.filter((_, target) => is(this.#answers[target] as Receipt | Error, target))
    return targets.map(({ name }) => name)
  }

  /** Whether it is certain that its target has not taken the message. */
  #isRefusal(error: Error, target: number): boolean {
    return this.#held?.has(target) === true || REFUSALS.some(code => isMillraceError(error, code))
  }
}

function isError(answer: Receipt | Error): answer is Error {
  return answer instanceof Error
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ')
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown
}
