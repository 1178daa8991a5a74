/**
 * Sends a message to the targets that an exchange has found for it. Those of one host get it together, or not at all (joint-publish.ts). Between
 * hosts those that refuse what they have no room for are asked first, and the others get it once these have it.
 *
 * The producer's thread. What has to wait, and all that comes behind it, is in held-publishes.ts. Bound: the targets of a message; those of one host
 * beyond JOINT_RINGS_MAX are another part of it.
 */
import { JOINT_RINGS_MAX } from '../wire/joint-note.ts'
import { isWellFormed } from '../words/codec.ts'
import { FullError } from '../words/errors.ts'
import type { RouteOptions, RouteReceipt } from '../words/exchange.ts'
import type { Headers, Receipt } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { halfKey } from './checked-message.ts'
import { HeldPublish, HeldPublishes } from './held-publishes.ts'
import { JointHolds } from './joint-holds.ts'
import { JointPublish } from './joint-publish.ts'
import type { JointTarget } from './joint-target.ts'
import { JointWriter } from './joint-writer.ts'
import { copyOf } from './message-encoder.ts'
import { PendingPublish } from './pending-publish.ts'
import type { HoldUpcalls } from './producer-upcalls.ts'
import { checkRecord, type EncodedMessage } from './record-writer.ts'
import type { FoundRoute } from './route-finder.ts'
import { RouteOutcome } from './route-outcome.ts'
import type { RoutedMessage } from './routed-message.ts'
import type { RoutedUnit } from './routed-unit.ts'
import { SingleSend } from './single-send.ts'
import type { TopicProducer } from './topic-producer.ts'
import type { Sweepable, WaitingRoom } from './waiting-room.ts'

interface OpenRoute extends Pick<FoundRoute, 'targets' | 'header'> {
  readonly producers: readonly TopicProducer[]
}

const NO_OPTIONS: RouteOptions = Object.freeze({})

export class RoutedSends implements Sweepable {
  readonly #room: WaitingRoom
  readonly #held: HeldPublishes
  /** By host. */
  readonly #writers = new Map<number, JointWriter>()
  readonly #holds: JointHolds

  constructor(room: WaitingRoom, upcalls: HoldUpcalls) {
    this.#room = room
    this.#held = new HeldPublishes(room)
    this.#holds = new JointHolds(upcalls, () => this.#held.ended())
    room.add(this)
  }

  /** Messages that wait for targets that may refuse, or for room in several targets. */
  get held(): number {
    return this.#held.size
  }

  /** To one target alone, of a message with a key and a value and no more, while nothing is held: as most go. @throws MillraceError if nothing of it is sent */
  sendPlain(message: QueueMessage, producer: TopicProducer, header: Headers): Promise<RouteReceipt> {
    producer.checkOpen()
    const encoded = producer.appends.readRouted(message, header)
    return producer.appends.publishRouted(encoded, message) ?? this.#sendLater(copyOf(encoded), message, producer)
  }

  #sendLater(encoded: EncodedMessage, message: QueueMessage, producer: TopicProducer): Promise<RouteReceipt> {
    return new Promise((resolve, reject) => {
      const pending = new PendingPublish(producer.topic, this.#room, encoded, message, NO_OPTIONS, resolve, reject)
      pending.isRouted = true
      producer.send(pending)
    })
  }

  /** To one target or more, whose producers are open. @throws MillraceError if nothing of it is sent */
  send(
    exchange: string,
    message: RoutedMessage,
    options: RouteOptions,
    { targets, producers, header }: FoundRoute,
    resolve: (receipt: RouteReceipt | Promise<RouteReceipt>) => void,
    reject: (error: unknown) => void,
  ): void {
    const all = producers as readonly TopicProducer[]
    if (all.length > 1) {
      this.#sendToAll(exchange, message, options, { targets, producers: all, header }, resolve, reject)
      return
    }
    const producer = all[0] as TopicProducer
    producer.checkOpen(options)
    const isHeld = this.#held.size > 0
    const bytes = isHeld ? message.own() : 0
    const encoded = message.encodeFor(producer, header)
    const { original } = message
    if (isHeld) this.#admit(bytes, original)
    // As most go: at once, and with nothing of their own.
    const isPlain = !isHeld && options.timeoutMs === undefined && options.signal === undefined
    const sent = isPlain ? producer.appends.publishRouted(encoded, original) : null
    if (sent !== null) {
      resolve(sent)
      return
    }
    const pending = new PendingPublish(producer.topic, this.#room, encoded, original, options, resolve, reject)
    pending.isRouted = true
    if (isHeld) this.#held.add(new HeldPublish(bytes, [], [new SingleSend(producer, pending, null, 0)]))
    else producer.send(pending)
  }

  #sendToAll(
    exchange: string,
    message: RoutedMessage,
    options: RouteOptions,
    route: OpenRoute,
    resolve: (receipt: RouteReceipt | Promise<RouteReceipt>) => void,
    reject: (error: unknown) => void,
  ): void {
    const list = targetsOf(route, message, options)
    const outcome = new RouteOutcome(exchange, route.targets, resolve, reject)
    let held: HeldPublish | null = null
    const units = groupsOf(list).map(group => {
      const unit = this.#unitOf(exchange, group, outcome, message.original, options, error => {
        if (held === null) return
        if (isAsked && unit.mayRefuse) this.#held.answered(held, error)
        else this.#held.ended()
      })
      return unit
    })
    const asked = units.filter(unit => unit.mayRefuse)
    const isAsked = asked.length > 0 && asked.length < units.length
    const left = isAsked || this.#held.size > 0 ? units : units.filter(unit => !unit.send())
    if (left.length === 0) return
    const bytes = message.own()
    if (!this.#room.admit(bytes)) {
      const error = this.#roomIsFull(message.original)
      for (const unit of left) unit.refuse(error)
      return
    }
    for (const unit of left) unit.own(producer => message.encodeFor(producer, route.header))
    const rest = isAsked ? left.filter(unit => !unit.mayRefuse) : left
    held = new HeldPublish(bytes, isAsked ? asked : [], rest)
    this.#held.add(held)
    this.#held.serve()
  }

  #unitOf(
    exchange: string,
    group: readonly JointTarget[],
    outcome: RouteOutcome,
    original: QueueMessage,
    options: RouteOptions,
    ended: (error: Error | null) => void,
  ): RoutedUnit {
    if (group.length > 1)
      return new JointPublish(exchange, this.#writerOf(group), group, outcome, this.#room, original, options, ended)
    const [{ at, producer, message }] = group as [JointTarget]
    const answered = (answer: Receipt | Error): void => {
      outcome.answered(at, answer)
      ended(answer instanceof Error ? answer : null)
    }
    const pending = new PendingPublish(producer.topic, this.#room, message, original, options, answered, answered)
    return new SingleSend(producer, pending, outcome, at)
  }

  #writerOf(group: readonly JointTarget[]): JointWriter {
    const [{ producer, message }] = group as [JointTarget]
    const host = producer.hostOf(message.partition)
    let writer = this.#writers.get(host)
    if (writer === undefined) {
      writer = new JointWriter(producer.joint.thread)
      this.#writers.set(host, writer)
    }
    for (const target of group) {
      const { joint } = target.producer
      if (joint.served === this.#serve) continue
      joint.served = this.#serve
      joint.failed = (partition, error) => this.#held.failIn(target.producer, partition, error)
    }
    return writer
  }

  readonly #serve = (): void => this.#held.serve()

  /** @throws MillraceError MILL_FULL */
  #admit(bytes: number, original: QueueMessage): void {
    if (!this.#room.admit(bytes)) throw this.#roomIsFull(original)
  }

  #roomIsFull(original: QueueMessage): FullError {
    return new FullError(`this thread's waiting room is full (${this.#room.bounds}); await each publish`, original)
  }

  /** What goes to several targets of a host, in the order of the calls to that. */
  *#unanswered(): Iterable<JointPublish> {
    for (const { tickets } of this.#writers.values())
      for (const { publishes } of tickets)
        for (const publish of publishes) if (publish instanceof JointPublish) yield publish
    for (const unit of this.#held.units()) if (unit instanceof JointPublish) yield unit
  }

  sweep(now: number): void {
    this.#holds.sweep(this.#unanswered(), now)
    this.#held.sweep(now)
  }

  /** Resolves when nothing is held. */
  idle(): Promise<void> {
    return this.#held.idle()
  }

  /** What is held is not sent any more. */
  fail(error: Error): void {
    this.#held.fail(error)
    this.#room.remove(this)
  }
}

/** Nothing of it is sent if one cannot have it. @throws MillraceError */
function targetsOf({ producers, header }: OpenRoute, message: RoutedMessage, options: RouteOptions): JointTarget[] {
  return producers.map((producer, at) => ({ at, producer, message: encodedFor(producer, message, options, header) }))
}

function encodedFor(
  producer: TopicProducer,
  message: RoutedMessage,
  options: RouteOptions,
  header: Headers,
): EncodedMessage {
  producer.checkOpen(options)
  const encoded = message.encodeFor(producer, header)
  const { key } = encoded
  if (typeof key === 'string' && !isWellFormed(key)) throw halfKey()
  checkRecord(key, encoded.value, encoded.headers, producer.topic.maxMessageBytes)
  return encoded
}

/** The targets of each host, in their order; no more in one group than a joint has. */
function groupsOf(targets: readonly JointTarget[]): readonly (readonly JointTarget[])[] {
  const groups: JointTarget[][] = []
  const byHost = new Map<number, JointTarget[]>()
  for (const target of targets) {
    const host = target.producer.hostOf(target.message.partition)
    let group = byHost.get(host)
    if (group === undefined || group.length === JOINT_RINGS_MAX) {
      group = []
      byHost.set(host, group)
      groups.push(group)
    }
    group.push(target)
  }
  return groups
}
