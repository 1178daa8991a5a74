/**
 * Sends a message to the targets that an exchange has found for it. Targets that refuse what they have no room for are asked first, and the
 * others get the message once these have it: a message with one such target is refused as a whole.
 *
 * The producer's thread. What waits for those answers goes in the order of the calls, and so does all that comes for other targets meanwhile.
 * So each target gets messages in the order of the calls. Bound: what waits counts in the thread's waiting room.
 */
import { FullError } from '../words/errors.ts'
import type { RouteOptions, RouteReceipt } from '../words/exchange.ts'
import type { Headers, Receipt } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { PendingPublish } from './pending-publish.ts'
import { checkRecord, type EncodedMessage } from './record-writer.ts'
import type { FoundRoute } from './route-finder.ts'
import { RouteOutcome } from './route-outcome.ts'
import type { RoutedMessage } from './routed-message.ts'
import type { TopicProducer } from './topic-producer.ts'
import type { WaitingRoom } from './waiting-room.ts'

interface Send {
  readonly producer: TopicProducer
  readonly pending: PendingPublish
  /** Place of the target among the message's targets. */
  readonly at: number
}

/** What is sent once targets that may refuse have answered. */
interface Held {
  readonly sends: Send[]
  /** Null: it has one target, which does not refuse. */
  readonly outcome: RouteOutcome | null
  readonly bytes: number
  /** Targets that have not answered. */
  asked: number
  refusal: Error | null
}

export class RoutedSends {
  readonly #room: WaitingRoom
  /** In the order of the calls. */
  readonly #held = new Set<Held>()
  #whenIdle: (() => void)[] = []

  constructor(room: WaitingRoom) {
    this.#room = room
  }

  /** Messages that wait for targets that may refuse. */
  get held(): number {
    return this.#held.size
  }

  /** To one target or more, whose producers are open. @throws MillraceError if nothing of it is sent */
  send(
    exchange: string,
    message: RoutedMessage,
    options: RouteOptions,
    { targets, producers, header }: FoundRoute,
    resolve: (receipt: RouteReceipt) => void,
    reject: (error: unknown) => void,
  ): void {
    const all = producers as readonly TopicProducer[]
    if (all.length > 1)
      this.#sendToAll(exchange, message, options, { targets, producers: all, header }, resolve, reject)
    else {
      const producer = all[0] as TopicProducer
      producer.checkOpen(options)
      const isHeld = this.#held.size > 0 && !mayRefuse(producer)
      const bytes = isHeld ? message.own() : 0
      const encoded = message.encodeFor(producer, header)
      const { original } = message
      if (isHeld) this.#admit(bytes, original)
      const pending = new PendingPublish(producer.topic, this.#room, encoded, original, options, resolve, reject)
      pending.onlyTarget = targets
      if (isHeld)
        this.#held.add({ sends: [{ producer, pending, at: 0 }], outcome: null, bytes, asked: 0, refusal: null })
      else producer.send(pending)
    }
  }

  #sendToAll(
    exchange: string,
    message: RoutedMessage,
    options: RouteOptions,
    { targets, producers, header }: FoundRoute & { readonly producers: readonly TopicProducer[] },
    resolve: (receipt: RouteReceipt) => void,
    reject: (error: unknown) => void,
  ): void {
    const asked = producers.filter(mayRefuse).length
    const isHeld = asked < producers.length && (asked > 0 || this.#held.size > 0)
    const bytes = isHeld ? message.own() : 0
    const encoded = producers.map(producer => encodedFor(producer, message, options, header))
    const { original } = message
    if (isHeld) this.#admit(bytes, original)
    const outcome = new RouteOutcome(exchange, targets, resolve, reject)
    const held: Held | null = isHeld ? { sends: [], outcome, bytes, asked, refusal: null } : null
    const first: Send[] = []
    for (const [at, producer] of producers.entries()) {
      const isAsked = held !== null && mayRefuse(producer)
      const answered = (answer: Receipt | Error): void => {
        outcome.answered(at, answer)
        if (isAsked) this.#answered(held, answer)
      }
      const own = encoded[at] as EncodedMessage
      const pending = new PendingPublish(producer.topic, this.#room, own, original, options, answered, answered)
      if (held === null || isAsked) first.push({ producer, pending, at })
      else {
        outcome.held(at)
        held.sends.push({ producer, pending, at })
      }
    }
    if (held !== null) this.#held.add(held)
    for (const { producer, pending } of first) producer.send(pending)
  }

  /** @throws MillraceError MILL_FULL */
  #admit(bytes: number, original: QueueMessage): void {
    if (this.#room.admit(bytes)) return
    throw new FullError(`this thread's waiting room is full (${this.#room.bounds}); await each publish`, original)
  }

  #answered(held: Held, answer: Receipt | Error): void {
    if (answer instanceof Error) held.refusal ??= answer
    held.asked--
    if (held.asked === 0) this.#serve()
  }

  #serve(): void {
    for (const held of this.#held) {
      if (held.asked > 0) return
      this.#leave(held)
      for (const send of held.sends) sendOrRefuse(send, held)
    }
    const idle = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of idle) resolve()
  }

  #leave(held: Held): void {
    this.#held.delete(held)
    this.#room.leave(held.bytes)
  }

  /** Resolves when nothing is held. */
  async idle(): Promise<void> {
    if (this.#held.size > 0) await new Promise<void>(resolve => this.#whenIdle.push(resolve))
  }

  /** What is held is not sent any more. */
  fail(error: Error): void {
    for (const held of this.#held) {
      this.#leave(held)
      for (const { pending } of held.sends) pending.settle(error)
    }
    this.#serve()
  }
}

function mayRefuse({ topic }: TopicProducer): boolean {
  return topic.onFull === 'reject'
}

function sendOrRefuse({ producer, pending, at }: Send, { outcome, refusal }: Held): void {
  try {
    if (refusal !== null) throw refusal
    producer.checkOpen({})
    outcome?.sent(at)
    producer.send(pending)
  } catch (error) {
    pending.settle(error as Error)
  }
}

/** For one of several targets, none of which may have the message if one refuses it here. */
function encodedFor(
  producer: TopicProducer,
  message: RoutedMessage,
  options: RouteOptions,
  header: Headers,
): EncodedMessage {
  producer.checkOpen(options)
  const encoded = message.encodeFor(producer, header)
  checkRecord(encoded.key, encoded.value, encoded.headers, producer.topic.maxMessageBytes)
  return encoded
}
