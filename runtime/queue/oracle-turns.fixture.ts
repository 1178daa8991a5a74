/** Turns of keys, and a rate, as the naive model of a queue sees them. */
import type { OracleMessage } from './oracle-message.fixture.ts'
import type { QueuePolicy } from './queue-words.ts'

/** Gives a turn to each message that may have one, in the order in which they came. */
export function giveTurns(messages: readonly OracleMessage[], most: number, next: () => number): void {
  for (const message of messages) {
    if (message.turn > 0 || message.state === 'dying') continue
    const alike = messages.filter(({ key, turn }) => key === message.key && turn > 0)
    if (message.key === 0 || alike.length < most) message.turn = next()
  }
}

/** The queue is built again, and so many of a key may be out: what is out has its turn, and of the others those that stand first. */
export function giveTurnsAnew(messages: readonly OracleMessage[], most: number, next: () => number): void {
  for (const message of messages) message.turn = message.state === 'unacked' ? 1 : 0
  const out = messages.filter(({ state }) => state === 'unacked')
  giveTurns(messages, most, () => 1)
  for (const message of messages) {
    if (message.turn > 0) message.turn = next()
    else if (message.state === 'retrying') message.state = 'ready'
  }
  if (out.some(({ turn }) => turn === 0)) throw new Error('a message that is out has no turn')
}

/** The order in which messages go. */
export function byPlace({ keyOrder, keyConcurrency }: QueuePolicy): (a: OracleMessage, b: OracleMessage) => number {
  const isFair = keyOrder === 'fair' && keyConcurrency < Number.POSITIVE_INFINITY
  return (a, b) =>
    b.priority - a.priority || (isFair ? (a.turn || Infinity) - (b.turn || Infinity) : a.offset - b.offset)
}

/** At most so many within any time. */
export class OracleRate {
  readonly #rate: QueuePolicy['rate']
  /** When each of those went that count. */
  #times: number[] = []
  #lastMs = Number.NaN

  constructor(rate: QueuePolicy['rate']) {
    this.#rate = rate
  }

  look(nowMs: number): void {
    const { perMs } = this.#rate ?? { perMs: 0 }
    this.#times = this.#times.filter(time => nowMs - time < perMs)
  }

  get left(): number {
    return this.#rate === null ? Number.POSITIVE_INFINITY : this.#rate.max - this.#times.length
  }

  get nextMs(): number {
    return (this.#times[0] as number) + (this.#rate?.perMs ?? 0)
  }

  took(nowMs: number): void {
    this.#lastMs = nowMs
    if (this.#rate !== null) this.#times.push(nowMs)
  }

  /** Whether it counts no more: it went when something did last. */
  takenBack(wentMs: number): void {
    if (wentMs === this.#lastMs) this.#times.pop()
  }
}
