/**
 * What consumers of a queue did, in one order, written by them into shared memory, so that it survives their threads.
 *
 * Any thread. Each thread, and each life of it, has a token of its own. An event's number is taken first, and its kind is stored last: what a
 * dying thread left half written has kind 0. A thread that spins stores the number of the last event again and again, which shows
 * how long it lived.
 *
 * ```
 * 0 i32 events   4 i32 tokens   64 .. i32 beats, one a token
 * then per event   0 i32 kind | token << 4   4 i32 message   8 i32 deliveryAttempt << 8 | failedAttempts
 * ```
 *
 * Bounds: EVENTS_MAX events and TOKENS_MAX tokens; beyond them it throws.
 */
const TOKENS_MAX = 8_192
const EVENTS_MAX = 2_000_000
const HEADER_WORDS = 16
const EVENT_WORDS = 3
const FIRST = HEADER_WORDS + TOKENS_MAX

/**
 * `done`: handled, and acked by the next step of the thread, as `failed` is told by it. `resolving` and `rejecting`: the same of a promise,
 * where the thread may begin other messages before; `settled` says that it is over. `late`: the handler took so long that it may have been
 * given up. `returned`: given back without a failure.
 */
const KIND = {
  begun: 1,
  done: 2,
  failed: 3,
  returned: 4,
  late: 5,
  resolving: 6,
  rejecting: 7,
  settled: 8,
} as const
const KIND_BITS = 4
const KIND_MASK = 15
export type EventKind = keyof typeof KIND
const KINDS = ['', ...Object.keys(KIND)] as readonly (EventKind | '')[]

export interface QueueEvent {
  readonly number: number
  readonly kind: EventKind
  readonly token: number
  readonly message: number
  readonly deliveryAttempt: number
  readonly failedAttempts: number
}

export class QueueLedger {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer((FIRST + EVENTS_MAX * EVENT_WORDS) * 4)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
  }

  token(): number {
    const token = Atomics.add(this.#words, 1, 1) + 1
    if (token >= TOKENS_MAX) throw new RangeError('the ledger has no more tokens')
    return token
  }

  get length(): number {
    return Atomics.load(this.#words, 0)
  }

  add(token: number, kind: EventKind, message: number, deliveryAttempt = 0, failedAttempts = 0): void {
    const words = this.#words
    const number = Atomics.add(words, 0, 1)
    if (number >= EVENTS_MAX) throw new RangeError('the ledger is full')
    const at = FIRST + number * EVENT_WORDS
    words[at + 1] = message
    words[at + 2] = (deliveryAttempt << 8) | Math.min(failedAttempts, 255)
    Atomics.store(words, at, KIND[kind] | (token << KIND_BITS))
  }

  /** The thread lives still. */
  beat(token: number): void {
    Atomics.store(this.#words, HEADER_WORDS + token, Atomics.load(this.#words, 0))
  }

  /** Number of the event before which the thread was last seen alive without one of its own. */
  beatOf(token: number): number {
    return Atomics.load(this.#words, HEADER_WORDS + token) - 1
  }

  *events(): Generator<QueueEvent> {
    const words = this.#words
    const { length } = this
    for (let number = 0; number < length; number++) {
      const at = FIRST + number * EVENT_WORDS
      const word = Atomics.load(words, at)
      const kind = KINDS[word & KIND_MASK]
      if (kind === undefined || kind === '') continue
      const attempts = words[at + 2] as number
      yield {
        number,
        kind,
        token: word >> KIND_BITS,
        message: words[at + 1] as number,
        deliveryAttempt: attempts >> 8,
        failedAttempts: attempts & 255,
      }
    }
  }
}
