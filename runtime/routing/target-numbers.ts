/**
 * A number for each target that is held, and the target of each number.
 *
 * Any thread. Pure. The number of a target stays for as long as somebody holds it, and is then given to another.
 *
 * Bound: targets that are held.
 */
import type { Target } from '../wire/route-changes.ts'

export class TargetNumbers {
  readonly #exchanges = new Map<string, number>()
  /** Queues and topics. An alternate may have the name of one of them, and is none. */
  readonly #ends = new Map<string, number>()
  readonly #targets: Target[] = []
  readonly #holders: number[] = []
  readonly #free: number[] = []

  /** Number of the exchange of that name; -1: there is none. */
  findExchange(name: string): number {
    return this.#exchanges.get(name) ?? -1
  }

  find(target: Target): number {
    return this.#mapOf(target).get(target.name) ?? -1
  }

  of(number: number): Target {
    return this.#targets[number] as Target
  }

  /** The number of a target, which the caller then holds once more. */
  hold(target: Target): number {
    const known = this.find(target)
    if (known !== -1) {
      this.#holders[known] = (this.#holders[known] as number) + 1
      return known
    }
    const number = this.#free.pop() ?? this.#targets.length
    this.#mapOf(target).set(target.name, number)
    this.#targets[number] = target
    this.#holders[number] = 1
    return number
  }

  release(number: number): void {
    const left = (this.#holders[number] as number) - 1
    this.#holders[number] = left
    if (left > 0) return
    const target = this.of(number)
    this.#mapOf(target).delete(target.name)
    this.#free.push(number)
  }

  #mapOf({ kind }: Target): Map<string, number> {
    return kind === 'exchange' ? this.#exchanges : this.#ends
  }
}
