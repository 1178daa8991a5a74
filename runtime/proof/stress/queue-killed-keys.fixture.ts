/**
 * What is known of the keys of a queue whose processes are killed: one message of a key is out at a time, and they go in their order. Pure.
 *
 * The parent. What a process hands out is kept together with what was settled before it, so the order holds over deaths. A message with a
 * delay has the place at which it fell due, which is not known: of such only the first half is judged. Bound: one entry for each key.
 */
import { orderKeyOf, timesOf } from './queue-killed.fixture.ts'

interface KilledKey {
  /** The message that is out, and the life in which it was begun. */
  out: string | undefined
  outIn: number
  /** The last message without a delay that was begun. */
  last: string
  lastOffset: number
}

export class KilledKeys {
  readonly #keys = new Map<string, KilledKey>()

  /** What is wrong with it that a message begins. */
  begin(life: number, key: string, offset: number): string[] {
    const sequence = Number(key.split(':')[1])
    const name = orderKeyOf(sequence)
    if (name === null) return []
    const problems: string[] = []
    const known = this.#of(name)
    if (known.outIn === life && known.out !== undefined && known.out !== key)
      problems.push(`${key} began in life ${life}, while ${known.out} of ${name} was out`)
    Object.assign(known, { out: key, outIn: life })
    if (timesOf(sequence).delayMs !== undefined) return problems
    if (offset < known.lastOffset)
      problems.push(`${key} (offset ${offset}) of ${name} came after ${known.last} (offset ${known.lastOffset})`)
    else Object.assign(known, { last: key, lastOffset: offset })
    return problems
  }

  end(key: string): void {
    const name = orderKeyOf(Number(key.split(':')[1]))
    if (name !== null && this.#of(name).out === key) this.#of(name).out = undefined
  }

  #of(name: string): KilledKey {
    let known = this.#keys.get(name)
    if (known === undefined) {
      known = { out: undefined, outIn: -1, last: '', lastOffset: -1 }
      this.#keys.set(name, known)
    }
    return known
  }
}
