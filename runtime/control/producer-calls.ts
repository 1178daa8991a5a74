/**
 * What threads ask that publish: the rings into a topic, larger ones, and named producers.
 *
 * The control thread. A thread has one ring into each partition, made when it first publishes to the topic.
 */
import type { NamedPlaces, ProducerPlaces, ProducerState, RingPlace } from '../wire/producer-places.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'
import type { TopicEntry } from './catalog-entries.ts'
import type { LeanRings } from './lean-rings.ts'
import type { NamedProducers } from './named-producers.ts'
import type { Openings } from './openings.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { addRings, replaceRing, ringsOf } from './producer-rings.ts'
import type { StoredOpenings } from './stored-openings.ts'
import type { WindowLending } from './window-lending.ts'

export interface ProducerCallParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  readonly openings: Openings
  readonly stored: StoredOpenings
  readonly windows: WindowLending
  readonly producers: NamedProducers
  readonly lean: LeanRings
}

export class ProducerCalls {
  readonly #parts: ProducerCallParts

  constructor(parts: ProducerCallParts) {
    this.#parts = parts
  }

  attach(thread: number, id: number): Promise<ProducerPlaces> {
    const { gate, catalog, hosts, openings, windows, lean } = this.#parts
    return gate.serially(async () => {
      gate.checkRunning()
      const topic = catalog.topic(id)
      this.#checkAttached(thread)
      openings.share(topic)
      let rings = ringsOf(catalog, thread, id)
      if (rings.length === 0) {
        rings = await windows.withRoom(async () => addRings(catalog, thread, topic))
        lean.look()
        await hosts.all(async (api, host) => {
          const here = rings.filter(ring => ring.place.host === host)
          await Promise.all(here.map(ring => api.addRing(ring.place, id, thread, 0)))
        })
      }
      return { topic: topic.shape, rings: rings.map(ring => ring.place) }
    })
  }

  /** One that a process before made is opened as the folder has it: an exchange may lead there. */
  async attachByName(thread: number, name: string): Promise<ProducerPlaces> {
    const { gate, catalog, stored, windows } = this.#parts
    const opened = (): Promise<TopicEntry | undefined> =>
      gate.serially(async () => {
        gate.checkRunning()
        return catalog.topicsByName.get(name) ?? windows.withRoom(() => stored.open(name))
      })
    const topic = catalog.topicsByName.get(name) ?? (await opened())
    return this.attach(thread, (topic ?? this.#topicOf(name)).shape.id)
  }

  async replaceRing(thread: number, id: number, bytes: number): Promise<RingPlace> {
    const { gate, catalog, hosts, windows, lean } = this.#parts
    gate.checkRunning()
    this.#checkAttached(thread)
    const old = catalog.rings.get(id)
    // It was given back when its topic was deleted.
    if (old === undefined) throw deletedTopic(null)
    if (old.thread !== thread) throw new Error(`broken invariant: ring ${id} is not this thread's`)
    const ring = await windows.withRoom(async () => replaceRing(catalog, old, bytes))
    lean.look()
    if (ring === old) return old.place
    await hosts.call(ring.place.host, api => api.addRing(ring.place, ring.topic, thread, id))
    return ring.place
  }

  async openNamed(thread: number, name: string, producer: string): Promise<NamedPlaces> {
    const { gate, catalog, openings, windows, producers } = this.#parts
    const topic = this.#topicOf(name)
    const checkOpen = (): void => {
      gate.checkOpen()
      this.#checkAttached(thread)
      catalog.topic(topic.shape.id)
    }
    checkOpen()
    openings.share(topic)
    return windows.withRoom(() => producers.open(thread, topic, producer, checkOpen))
  }

  async keepNamed(topic: number, name: string, state: ProducerState): Promise<void> {
    this.#parts.producers.keep(topic, name, state)
  }

  async closeNamed(topic: number, name: string, state: ProducerState): Promise<void> {
    this.#parts.producers.close(topic, name, state)
  }

  #topicOf(name: string): TopicEntry {
    const topic = this.#parts.catalog.topicsByName.get(name)
    if (topic !== undefined) return topic
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `there is no topic or queue ${name}; open it with broker.topic or broker.queue before anything is published to it`,
    )
  }

  #checkAttached(thread: number): void {
    if (this.#parts.catalog.threads.get(thread)?.leaving === null) return
    throw new MillraceError('MILL_CLOSED', 'this thread has left the broker')
  }
}
