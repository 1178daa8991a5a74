/**
 * The embedded engine behind the port of engines: topics and groups of a broker of this process.
 *
 * The thread that opened it. The public API does not go through it (README of `engine/`): it is there to be held against the
 * same suite as any other engine, and for what is written against the port.
 */
import type { Capabilities, WantedTopic } from '../engine/capabilities.ts'
import type { Engine, TopicPort, TopicSummary } from '../engine/engine.ts'
import { checkBrokerOptions } from '../options/broker-options.ts'
import { PARTITIONS_MAX } from '../options/option-rules.ts'
import { checkTopicOptions, MESSAGE_BYTES_MAX } from '../options/topic-options.ts'
import type { BrokerOptions } from '../words/broker.ts'
import { checkName } from '../words/names.ts'
import { EmbeddedTopicPort } from './embedded-topic-port.ts'
import { Session, type StoreTuning } from './session.ts'

const IN_MEMORY: Capabilities = Object.freeze<Capabilities>({
  order: 'key',
  settlement: 'individual',
  durability: ['memory'],
  partitionsMax: PARTITIONS_MAX,
  messageBytesMax: MESSAGE_BYTES_MAX,
  seek: ['earliest', 'latest', 'time', 'position'],
  retention: [],
  lag: true,
  redelivered: true,
})

const ON_DISK: Capabilities = Object.freeze<Capabilities>({
  ...IN_MEMORY,
  durability: ['fsync', 'os', 'memory'],
  retention: ['time', 'bytes'],
})

/** What `embeddedEngine` can do: without a `dir`, and with one. */
export function embeddedCapabilities(place: 'memory' | 'disk'): Capabilities {
  return place === 'memory' ? IN_MEMORY : ON_DISK
}

/** Options are those of `createBroker`; `tuning` is for tests. @throws MillraceError as `createBroker` does */
export async function openEmbeddedEngine(options?: BrokerOptions, tuning?: StoreTuning): Promise<Engine> {
  const checked = checkBrokerOptions(options)
  return new EmbeddedEngine(await Session.open(checked, tuning), checked.dir === undefined ? IN_MEMORY : ON_DISK)
}

class EmbeddedEngine implements Engine {
  readonly name = 'embedded'
  readonly capabilities: Capabilities
  readonly #session: Session
  #closing: Promise<void> | null = null

  constructor(session: Session, capabilities: Capabilities) {
    this.#session = session
    this.capabilities = capabilities
  }

  async topic(name: string, wanted: WantedTopic): Promise<TopicPort> {
    checkName('topic', name)
    this.#session.checkAccepts()
    const { partitions, durability, messageBytesMax, retentionMs, retentionBytes } = wanted
    // Values are bytes here: what they mean is known above the port.
    const asked = {
      partitions,
      durability,
      maxMessageBytes: messageBytesMax,
      retentionMs,
      retentionBytes,
      codec: 'bytes',
    }
    const { given, partitioner: _, ...settings } = checkTopicOptions(asked)
    const shape = await this.#session.ask(control => control.openTopic(name, settings, [...given]))
    return new EmbeddedTopicPort(this.#session, shape, await this.#session.publishers.openTopic(name, shape.id))
  }

  async inspect(): Promise<readonly TopicSummary[]> {
    const topics = await this.#session.ask(control => control.listTopics())
    return topics.map(({ name, partitions }) => ({ name, partitions }))
  }

  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#session.close(timeoutMs)
    return this.#closing
  }
}
