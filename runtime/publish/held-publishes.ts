/**
 * Messages by exchanges that wait: for the answer of targets that may refuse them, or for room in several targets.
 *
 * The producer's thread. They go in the order of the calls, so that each target gets them in that order. What goes only to targets that may refuse
 * goes beside what waits for such answers. All else is behind the first that waits, whatever its targets are; direct publishes to a target are not. Bound: what waits counts in the thread's waiting room.
 */
import { queueMicrotask } from '../../actors/world.ts'
import type { RoutedUnit } from './routed-unit.ts'
import type { TopicProducer } from './topic-producer.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** One message. */
export class HeldPublish {
  readonly bytes: number
  /** Units that are asked first, and were not sent. */
  first: RoutedUnit[]
  /** Units that are sent once those that were asked have answered. */
  rest: RoutedUnit[]
  /** Units that are asked and have not answered. */
  asked: number
  refusal: Error | null = null

  constructor(bytes: number, first: readonly RoutedUnit[], rest: readonly RoutedUnit[]) {
    this.bytes = bytes
    this.first = [...first]
    this.rest = [...rest]
    this.asked = first.length
  }
}

export class HeldPublishes {
  readonly #room: WaitingRoom
  readonly #all = new Set<HeldPublish>()
  #isServing = false
  #isServedAgain = false
  #isServedSoon = false
  #whenIdle: (() => void)[] = []

  constructor(room: WaitingRoom) {
    this.#room = room
  }

  get size(): number {
    return this.#all.size
  }

  /** All that waits to be sent. */
  *units(): Iterable<RoutedUnit> {
    for (const { first, rest } of this.#all) {
      yield* first
      yield* rest
    }
  }

  /** It is in the waiting room already. */
  add(held: HeldPublish): void {
    this.#all.add(held)
  }

  answered(held: HeldPublish, error: Error | null): void {
    if (error !== null) held.refusal ??= error
    held.asked--
    this.serve()
  }

  /** A unit that nobody waits for has ended, maybe before it was sent: what is behind it may go, once for all that end in a turn. */
  ended(): void {
    if (this.#isServedSoon || this.#all.size === 0) return
    this.#isServedSoon = true
    queueMicrotask(() => {
      this.#isServedSoon = false
      this.serve()
    })
  }

  /** Sends what can go now. */
  serve(): void {
    this.#isServedAgain = this.#isServing
    if (this.#isServing || this.#all.size === 0) return
    this.#isServing = true
    try {
      do {
        this.#isServedAgain = false
        this.#serveAll()
      } while (this.#isServedAgain)
    } finally {
      this.#isServing = false
    }
    if (this.#all.size === 0) this.#tellIdle()
  }

  #serveAll(): void {
    let isFront = true
    for (const held of this.#all) {
      sendWhile(held.first, unit => (isFront || unit.onlyRefuses) && unit.send())
      if (isFront && held.first.length === 0 && held.asked === 0) {
        sendWhile(held.rest, unit => sendOrRefuse(unit, held.refusal))
        if (held.rest.length === 0) {
          this.#leave(held)
          continue
        }
      }
      isFront = false
      if (held.first.length > 0) return
    }
  }

  #leave(held: HeldPublish): void {
    this.#all.delete(held)
    this.#room.leave(held.bytes)
  }

  /** What is to go there is not sent, where it goes to other partitions as well. */
  failIn(producer: TopicProducer, partition: number, error: Error): void {
    this.#giveUp(unit => unit.failIn(producer, partition, error))
    this.serve()
  }

  /** What is overdue is given up. */
  sweep(now: number): void {
    this.#giveUp(unit => {
      if (now >= unit.sentBy) unit.expire()
    })
    this.serve()
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    if (this.#all.size > 0) await new Promise<void>(resolve => this.#whenIdle.push(resolve))
  }

  /** What waits is not sent any more. */
  fail(error: Error): void {
    this.#giveUp(unit => unit.refuse(error))
    for (const held of this.#all) this.#leave(held)
    this.#tellIdle()
  }

  /** Nothing is sent before all have been looked at. */
  #giveUp(look: (unit: RoutedUnit) => void): void {
    const wasServing = this.#isServing
    this.#isServing = true
    try {
      for (const unit of [...this.units()]) look(unit)
    } finally {
      this.#isServing = wasServing
    }
  }

  #tellIdle(): void {
    const idle = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of idle) resolve()
  }
}

/** Takes out of a list what could be sent, up to the first that could not. */
function sendWhile(units: RoutedUnit[], send: (unit: RoutedUnit) => boolean): void {
  while (units.length > 0 && send(units[0] as RoutedUnit)) units.shift()
}

function sendOrRefuse(unit: RoutedUnit, refusal: Error | null): boolean {
  if (refusal === null) return unit.send()
  unit.refuse(refusal)
  return true
}
