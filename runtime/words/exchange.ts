/** Exchanges as callers see them: their types, what is bound to them, and publishing by a routing key. Types only. */
import type { Durability, GivenHeaders, PublishOptions, Receipt } from './message.ts'
import type { QueueMessage, QueueReceipt } from './queue-message.ts'

/**
 * Rule by which the bindings of an exchange take a message.
 *
 * `direct`: the binding has the message's routing key. `topic`: its pattern matches the routing key. `fanout`: always. `headers`: the
 * message has the headers that the binding asks for.
 */
export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'

/** Options of an exchange. An exchange that exists keeps its own: other values are `MILL_CONFIG_MISMATCH`. */
export interface ExchangeOptions {
  /** Type of the exchange. An exchange that does not exist yet needs it. */
  readonly type?: ExchangeType | undefined
  /** Exchange to which a message goes that no binding takes; default: none. It may be made later. */
  readonly alternate?: string | undefined
}

/** An exchange's name, options and value type, shared by publishers and handlers. */
export interface ExchangeDefinition<V = unknown> {
  /** Name of the exchange. */
  readonly name: string
  /** Options of the exchange. */
  readonly options: ExchangeOptions
  /** Type of the values only; never present. */
  readonly value?: V
}

/** What a binding of a `headers` exchange asks of a message's headers. */
export interface HeaderMatch {
  /** Whether all of `headers` must match, or one of them. Names that begin with `x-` count only where it says so. */
  readonly match: 'all' | 'any' | 'all-with-x' | 'any-with-x'
  /** Values by name, 1 to 64 of them; `null`: the header is there, whatever its value is. Names and values have at most 4,096 bytes together. */
  readonly headers: {
    /** Value that the header of that name must have. */
    readonly [name: string]: string | Uint8Array | null
  }
}

/** Where a binding may lead: a `Queue`, a `Topic` or another `Exchange` of the same broker, for values of a related type. */
export type BindTarget<V = unknown> =
  | {
      /** Name of the queue. */
      readonly name: string
      /** Sends a message to the queue. */
      send(message: QueueMessage<V>): Promise<unknown>
    }
  | {
      /** Name of the topic. */
      readonly name: string
      /** Publishes a message to the topic. */
      publish(message: { readonly value: V }): Promise<unknown>
    }
  | {
      /** Name of the exchange. */
      readonly name: string
      /** Publishes a message to the exchange. */
      publish(routingKey: string, message: QueueMessage<V>): Promise<unknown>
    }

/** A binding in the list of `exchange.bindings`. */
export interface Binding {
  /** What it leads to. */
  readonly kind: 'queue' | 'topic' | 'exchange'
  /** Name of what it leads to. */
  readonly target: string
  /** Routing key, pattern or match by which it was made; null: it has none, as those of a `fanout` exchange. */
  readonly by: string | HeaderMatch | null
}

/** Options of `exchange.publish`. */
export interface RouteOptions extends PublishOptions {
  /** What becomes of a message that no binding takes, and no alternate: `reject` (default) with `MILL_UNROUTABLE`, or `drop`. */
  readonly unroutable?: 'reject' | 'drop' | undefined
}

/** Proof that all targets have a message. */
export interface RouteReceipt {
  /** Names of the queues and topics that have it; empty: it was dropped, as `unroutable: 'drop'` says. */
  readonly targets: readonly string[]
  /** Receipts of the targets, in the same order. */
  readonly receipts: readonly (Receipt | QueueReceipt)[]
  /** Durability of the message in the target where it is least durable; null: no target has it. */
  readonly durability: Durability | null
}

/**
 * An exchange, on the thread that created the broker: it hands each message to the queues, topics and exchanges that are bound to it. After its
 * deletion calls but `delete` fail with `MILL_TOPIC_DELETED`.
 *
 * A queue or topic gets a message once, however many bindings lead to it. Exchanges may lead to each other, in circles as well. Each
 * thread finds the targets by itself; no message waits for another thread to be routed.
 */
export interface Exchange<V = unknown> {
  /** Name of the exchange. */
  readonly name: string
  /** Type of the exchange. */
  readonly type: ExchangeType
  /** Exchange to which a message goes that no binding takes; null: none. */
  readonly alternate: string | null
  /**
   * Binds a queue, a topic or an exchange. Each publish that begins after it has resolved goes by it, on every thread. The same binding
   * made twice is one.
   *
   * `by` is a routing key for `direct`, a pattern for `topic`, a `HeaderMatch` for `headers`, and left out for `fanout`. A pattern has words
   * between dots: `*` is any word, `#` any number of words, none included. Keys and patterns have at most 255 bytes in UTF-8.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_UNKNOWN_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE` for `by`;
   *   `MILL_INVALID_OPTION` for a target of another broker; `MILL_TOPIC_DELETED`; `MILL_FULL` when 100,000 such calls wait; `MILL_DISK`;
   *   `MILL_CLOSED`
   */
  bind(target: BindTarget<V>, by?: string | HeaderMatch): Promise<void>
  /**
   * Takes a binding away, which is named as it was made. Resolves also when there is none.
   *
   * @throws MillraceError as `bind`
   */
  unbind(target: BindTarget<V>, by?: string | HeaderMatch): Promise<void>
  /**
   * Publishes a message to all targets that its routing key, or its headers, lead to. Resolves when each of them has it.
   *
   * Targets that reject when they are full are asked first, and then the others. So where one such target is full, no other one has the message.
   *
   * A queue takes what it knows of the message: a priority above its own counts as its highest, and an `id` counts where ids are kept. A topic
   * takes key, value and headers, and no delay and no time to live. Consumers find the routing key in the header `millrace-routing-key`.
   *
   * @throws MillraceError `MILL_UNROUTABLE` without a target; `MILL_PARTLY_ROUTED` when some targets have it and others have not;
   *   otherwise no target is known to have it: `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE`,
   *   `MILL_TOO_LARGE` for the message; `MILL_FULL`, `MILL_TIMEOUT`, `MILL_ABORTED`; `MILL_MEMORY`; `MILL_TOPIC_DELETED`; `MILL_CLOSED`
   */
  publish(routingKey: string, message: QueueMessage<V>, options?: RouteOptions): Promise<RouteReceipt>
  /**
   * Names of the queues and topics to which a message would go now. It sends nothing.
   *
   * @throws MillraceError `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE` for key and headers; `MILL_CLOSED`
   */
  route(routingKey: string, headers?: GivenHeaders): Promise<readonly string[]>
  /**
   * Its bindings, in the order in which they were made. Where others bind and unbind meanwhile, the list may have some of that.
   *
   * @throws MillraceError `MILL_TOPIC_DELETED`; `MILL_CLOSED`
   */
  bindings(): Promise<readonly Binding[]>
  /**
   * Deletes the exchange, with all bindings from it and to it. What it has handed on stays where it is. The name may be used again. Resolves
   * also when the exchange was deleted before.
   *
   * @throws MillraceError `MILL_DISK`; `MILL_CLOSED`;
   *   `MILL_UNSUPPORTED` on an attached thread
   */
  delete(): Promise<void>
}

/** An exchange in the list of `broker.exchanges`. */
export interface ExchangeInfo {
  /** Name of the exchange. */
  readonly name: string
  /** Type of the exchange. */
  readonly type: ExchangeType
  /** Exchange to which a message goes that no binding takes; null: none. */
  readonly alternate: string | null
  /** Number of its bindings. */
  readonly bindings: number
}
