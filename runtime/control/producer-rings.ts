/**
 * The rings of producers into partitions: how large they are, and where.
 *
 * The control thread; the catalog has them. A producer of a topic has one for each partition, of its own if it is a named one.
 */
import { ringBytes } from 'sharedarraybuffer-ring'
import type { RingAt } from '../wire/link-places.ts'
import type { PartitionPlace } from '../wire/places.ts'
import type { Catalog } from './catalog.ts'
import type { RingEntry, TopicEntry } from './catalog-entries.ts'
import { RING_REST_BYTES, ringFor, widestRing } from './ring-sizes.ts'

/** Those of a thread's own producer. */
export function ringsOf(catalog: Catalog, thread: number, topic: number): RingEntry[] {
  return [...catalog.rings.values()].filter(
    ring => ring.thread === thread && ring.topic === topic && ring.producer === null,
  )
}

/**
 * Rings into the partitions of a topic from one on. `producer`: the number of a named one, which has rings of its own.
 *
 * @throws MillraceError MILL_MEMORY
 */
export function addRings(
  catalog: Catalog,
  thread: number,
  topic: TopicEntry,
  producer: number | null = null,
  from = 0,
): RingEntry[] {
  const here = topic.places.slice(from)
  const capacity = catalog.shared.isAmple ? widestRing(topic.shape, topic.places.length) : RING_REST_BYTES
  const sizes = here.map(() => ringBytes(capacity))
  const addresses = catalog.shared.allocateAll(sizes, `publishing to topic ${topic.shape.name}`)
  return here.map((place, index) => {
    const at = { address: addresses[index] as number, capacity }
    return addRing(catalog, place, at, { topic: topic.shape.id, thread, producer, after: 0 })
  })
}

/**
 * A ring in place of this one: for records of `bytes`; 0: larger, if there is memory for that, because it is full; less: small,
 * because nothing goes through it. The same one where another would be no better.
 *
 * @throws MillraceError MILL_MEMORY
 */
export function replaceRing(catalog: Catalog, old: RingEntry, bytes: number): RingEntry {
  const { capacity: has, partition, ring } = old.place
  const { shape, places } = catalog.topic(old.topic)
  const full = bytes === 0 ? catalog.shared.windows.lendable(widestRing(shape, places.length), has) : RING_REST_BYTES
  const capacity = bytes > 0 ? ringFor(bytes, has) : full
  if (bytes === 0 ? capacity <= has : bytes < 0 && capacity >= has) return old
  const what = bytes > 0 ? `a ring for a record of ${bytes} bytes` : 'another ring'
  const address = catalog.shared.allocate(ringBytes(capacity), what)
  const { thread, producer } = old
  const of = { topic: old.topic, thread, producer, after: ring }
  return addRing(catalog, places[partition] as PartitionPlace, { address, capacity }, of)
}

function addRing(
  catalog: Catalog,
  { partition, host, words }: PartitionPlace,
  at: RingAt,
  of: Omit<RingEntry, 'place'>,
): RingEntry {
  const { shape, places } = catalog.topic(of.topic)
  const widest = Math.max(at.capacity, widestRing(shape, places.length))
  const entry: RingEntry = { place: { ring: catalog.nextId(), partition, host, ...at, words, widest }, ...of }
  catalog.rings.set(entry.place.ring, entry)
  return entry
}
