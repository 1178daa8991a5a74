/** What exists, as one partition host is told of it when its thread starts. The control thread. */
import type { HostHoldings } from '../wire/host-calls.ts'
import type { LinkPlace } from '../wire/link-places.ts'
import type { Catalog } from './catalog.ts'
import { hostOf, type Placed } from './placement.ts'

/** All that a host is to know, in one call, so that it acts on none of it before it knows the rest. */
export function holdingsOf(catalog: Catalog, host: number): HostHoldings {
  const { threads, topics, groups, rings } = catalog
  // What has left and is drained here may be freed at any moment.
  const here = [...threads.values()].filter(({ leaving }) => leaving === null || leaving.has(host))
  const known = new Set(here.map(thread => thread.place.thread))
  const shapeOf = (topic: number): Placed => topics.get(topic)?.shape ?? {}
  const isHere = (topic: Placed, partition: number): boolean => hostOf(topic, partition, catalog.hosts.length) === host
  return {
    threads: here.map(thread => ({
      thread: thread.place.thread,
      bell: catalog.bellOf(thread),
      link: thread.place.links[host] as LinkPlace,
    })),
    partitions: [...topics.values()].flatMap(({ shape, places }) =>
      places.filter(place => place.host === host).map(place => ({ place, topic: shape })),
    ),
    windows: catalog.shared.windows.holdingsOf(host),
    letterIndexes: [...topics.values()].flatMap(({ shape, letterIndexes }) =>
      letterIndexes.filter(({ partition }) => isHere(shape, partition)),
    ),
    groups: [...groups.values()].flatMap(({ spec, places }) =>
      places.filter(({ partition }) => isHere(shapeOf(spec.topic), partition)),
    ),
    slots: [...groups.values()].flatMap(({ spec, slots }) =>
      [...slots]
        // Those of a queue, which has one partition, are known by their consumers.
        .filter(([partition, { consumer }]) => isHere(shapeOf(spec.topic), consumer === undefined ? partition : 0))
        .map(([, slot]) => slot),
    ),
    rings: [...rings.values()]
      .filter(ring => ring.place.host === host && known.has(ring.thread))
      .map(({ place, topic, thread, after }) => ({ place, topic, thread, after })),
    leaving: here.filter(thread => thread.leaving !== null).map(thread => thread.place.thread),
  }
}
