/**
 * The rings of producers into partitions: how large they are, and where.
 *
 * The control thread; the catalog has them. A producer of a topic has one for each partition, of its own if it is a named one.
 */
import { ringBytes } from 'sharedarraybuffer-ring'
import type { PartitionPlace, TopicShape } from '../places.ts'
import type { Catalog, RingEntry, TopicEntry } from './catalog.ts'

/** Rings start at this size; a record that is too large for one makes it grow. */
const RING_BYTES = 131_072
/**
 * Where there are few partitions a ring has room for several frames that are on their way, or its producer and its host would
 * take turns: one partition takes twice to three times as much. But all rings of a producer have no more than this, if its topic
 * was made with all its partitions.
 */
const RING_BYTES_MAX = 524_288
const RINGS_BYTES_MAX = 4_194_304

/** Those of a thread's own producer. */
export function ringsOf(catalog: Catalog, client: number, topic: number): RingEntry[] {
  return [...catalog.rings.values()].filter(
    ring => ring.client === client && ring.topic === topic && ring.producer === null,
  )
}

/**
 * Rings into the partitions of a topic from one on. `producer`: the number of a named one, which has rings of its own.
 *
 * @throws MillraceError MILL_MEMORY
 */
export function addRings(
  catalog: Catalog,
  client: number,
  topic: TopicEntry,
  producer: number | null = null,
  from = 0,
): RingEntry[] {
  const here = topic.places.slice(from)
  const capacity = ringCapacity(topic.shape, topic.places.length)
  const sizes = here.map(() => ringBytes(capacity))
  const addresses = catalog.allocateAll(sizes, `publishing to topic ${topic.shape.name}`)
  return here.map((place, index) => {
    const at = { address: addresses[index] as number, capacity }
    return addRing(catalog, place, at, { topic: topic.shape.id, client, producer, after: 0 })
  })
}

/** A larger one, to be drained after the old one. @throws MillraceError MILL_MEMORY */
export function growRing(catalog: Catalog, old: RingEntry, bytes: number): RingEntry {
  const topic = catalog.topic(old.topic)
  let capacity = old.place.capacity * 2
  while (capacity < bytes * 4) capacity *= 2
  const address = catalog.allocate(ringBytes(capacity), `a ring for a record of ${bytes} bytes`)
  const place = topic.places[old.place.partition] as PartitionPlace
  const { client, producer } = old
  const after = old.place.ring
  return addRing(catalog, place, { address, capacity }, { topic: old.topic, client, producer, after })
}

function addRing(
  catalog: Catalog,
  { partition, host, words }: PartitionPlace,
  at: { readonly address: number; readonly capacity: number },
  of: Omit<RingEntry, 'place'>,
): RingEntry {
  const entry: RingEntry = { place: { ring: catalog.nextId(), partition, host, ...at, words }, ...of }
  catalog.rings.set(entry.place.ring, entry)
  return entry
}

/** Bytes of a producer's ring into each partition; a topic with small windows is not meant to hold much. */
function ringCapacity({ windowBytes }: TopicShape, partitions: number): number {
  const most = Math.min(RING_BYTES_MAX, windowBytes / 4, RINGS_BYTES_MAX / 2 ** Math.ceil(Math.log2(partitions)))
  return Math.max(RING_BYTES, most)
}
