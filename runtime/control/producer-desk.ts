/**
 * Named producers: who is open, and how far each had come.
 *
 * The control thread. What is kept may be older than what happened: what a producer has published since is found in the logs,
 * by its number, from the last place on that it was known to have come to.
 */
import { MillraceError } from '../errors.ts'
import { nearestOffset } from '../log/frame.ts'
import type { NamedPlaces, ProducerState } from '../protocol.ts'
import type { Catalog, TopicEntry } from './catalog.ts'
import type { PartitionHosts } from './partition-hosts.ts'

export class ProducerDesk {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #open = new Set<string>()

  constructor(catalog: Catalog, hosts: PartitionHosts) {
    this.#catalog = catalog
    this.#hosts = hosts
  }

  /** @throws MillraceError MILL_INVALID_OPTION, MILL_LOCKED, MILL_DISK */
  async open(client: number, topic: TopicEntry, name: string): Promise<NamedPlaces> {
    const { id, name: topicName, log } = topic.shape
    if (log === null)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `a named producer needs a topic on disk, and ${topicName} is in memory: nothing of it is left to go on from`,
      )
    const key = keyOf(id, name)
    if (this.#open.has(key))
      throw new MillraceError(
        'MILL_LOCKED',
        `producer ${name} of topic ${topicName} is open: close it first, or use another name`,
      )
    this.#open.add(key)
    try {
      const known = this.#catalog.producers.get(key)
      const state = known ?? (await this.#make(key, topic))
      // Of a new one no partition has anything, however long its log is.
      const passed = await Promise.all(
        topic.places.map(({ partition }) => (known === null ? 0 : this.#passed(topic, partition, state))),
      )
      const rings = this.#catalog.addRings(client, topic, state.id)
      await this.#hosts.all(async (api, host) => {
        const here = rings.filter(ring => ring.place.host === host)
        await Promise.all(here.map(ring => api.addRing(ring.place, id, client, 0)))
      })
      return { topic: topic.shape, rings: rings.map(ring => ring.place), state, passed }
    } catch (error) {
      this.#open.delete(key)
      throw error
    }
  }

  async #make(key: string, topic: TopicEntry): Promise<ProducerState> {
    const ends = topic.places.map(({ partition, host }) =>
      this.#hosts.call(host, api => api.offsetAt(topic.shape.id, partition, 'latest')),
    )
    const seen = (await Promise.all(ends)).map(({ to }) => to)
    const state: ProducerState = { id: this.#catalog.nextStoredId(), next: 0, seen }
    // Its records are known by this number: were it lost with the power, they would be published again.
    this.#catalog.producers.keepDurably(key, state)
    return state
  }

  /** The sequence after the last one that a partition has of the producer. */
  async #passed(topic: TopicEntry, partition: number, { id, next, seen }: ProducerState): Promise<number> {
    const { host } = topic.places[partition] as { readonly host: number }
    const low = await this.#hosts.call(host, api =>
      api.lastSequence(topic.shape.id, partition, id, seen[partition] ?? 0),
    )
    return low === null ? 0 : nearestOffset(next, low) + 1
  }

  keep(topic: number, name: string, state: ProducerState): void {
    this.#catalog.producers.keep(keyOf(topic, name), state, true)
  }

  close(topic: number, name: string, state: ProducerState): void {
    try {
      this.keep(topic, name, state)
    } finally {
      this.#open.delete(keyOf(topic, name))
    }
  }
}

function keyOf(topic: number, name: string): string {
  return `${topic}/${name}`
}
