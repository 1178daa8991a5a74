/**
 * The kinds of residents that a host has, in the order in which a pass comes to them, and the calls about each.
 *
 * The partition host's thread. A new kind is a lane here, and its calls; the rest of it is in its own room.
 */
import type { HostLink, Settlement } from '../link/host-link.ts'
import type { HostHoldings, PartitionHostApi } from '../wire/host-calls.ts'
import { Ceilings } from './ceilings.ts'
import { GoneTopics } from './gone-topics.ts'
import { groupCalls } from './group-calls.ts'
import { Groups } from './groups.ts'
import { HostNews } from './host-news.ts'
import type { HostServices } from './host-services.ts'
import { IdleWaits } from './idle-waits.ts'
import { LetterDepths } from './letter-depths.ts'
import { Queues } from './queues.ts'
import { StoreUpkeep } from './store-upkeep.ts'
import { topicCalls } from './topic-calls.ts'
import { Topics } from './topics.ts'
import { UnreadWords } from './unread-words.ts'
import { WindowChore } from './window-chore.ts'

/** What a host answers beside what it does as a whole. */
type KindCalls = Omit<PartitionHostApi, 'restore' | 'addThread' | 'removeThread' | 'stop'>

export interface Kinds {
  readonly groups: Groups
  /** What a reader says of a delivery; false: it cannot be answered now. */
  settle(settlement: Settlement): boolean
  /** A reader asks to be looked at. */
  asks(cursor: number): void
  /** The same for whichever readers of a thread. */
  mayAsk(link: HostLink): void
  readonly calls: KindCalls
  /** The host ends in good order: what was decided is written down. */
  close(): void
  /** Everything that is to be here, in a host that was just started. */
  restore(holdings: HostHoldings): void
}

export function makeKinds(host: HostServices): Kinds {
  const { residents, links, store, tell } = host
  const partitionLane = residents.lane()
  const goneLane = residents.lane(true)
  const groupLane = residents.lane()
  // What queues decide is written down behind the frames of the pass.
  const queueLane = residents.lane(true)
  const lane = residents.lane()

  const ceilings = new Ceilings(store).join(lane)
  const idle = new IdleWaits(({ place: { cursor } }) => (groups.find(cursor) ?? queues.find(cursor)) !== null).join(
    lane,
  )
  const news = new HostNews(tell, () => upkeep?.sweep()).join(lane)
  const letters = new LetterDepths(tell)
  const upkeep = store === null ? null : new StoreUpkeep(store, () => letters.countStored()).join(lane)
  const windows = new WindowChore(host.boot.tuning.lookMs, tell).join(lane)
  letters.join(lane)
  const unread = new UnreadWords().join(lane)
  const gone = new GoneTopics(links, ring => topics.drained(ring)).join(goneLane)
  const appended = (actor: Parameters<Groups['appended']>[0]): void => {
    upkeep?.appended()
    groups.appended(actor)
  }
  const topics: Topics = new Topics(host, { gone, letters, unread, windows, appended }, partitionLane)
  const groups: Groups = new Groups(host, { topics, letters, news, ceilings, upkeep }, groupLane)
  const queues: Queues = new Queues(host, { topics, letters, news, appended }, queueLane)
  const calls: KindCalls = {
    ...topicCalls(host, topics, letters),
    ...groupCalls(groups, queues, letters, idle),
    dropTopic: (topic, deleted) => {
      for (const { place } of [...groups.all()]) if (place.topic === topic) groups.close(place.cursor)
      for (const { place } of [...queues.all()]) if (place.topic === topic) queues.close(place.cursor)
      topics.drop(topic, deleted !== null)
      if (deleted === null) return
      const partitions = Array.from({ length: deleted.partitions }, (_, partition) => partition)
      store?.forget(topic, partitions, deleted.cursors)
    },
    dropPartitions: (topic, from) => {
      const cursors = [...groups.all()]
        .filter(({ place }) => place.topic === topic && place.partition >= from)
        .map(({ place }) => place.cursor)
      for (const cursor of cursors) groups.close(cursor)
      store?.forgetPartitions(topic, topics.dropFrom(topic, from), cursors)
    },
  }
  return {
    groups,
    calls,
    settle: settlement => {
      if (!queues.has(settlement.cursor)) return groups.settle(settlement)
      queues.settle(settlement)
      return true
    },
    asks: cursor => (queues.has(cursor) ? queues : groups).asks(cursor),
    mayAsk: link => {
      groups.mayAsk(link)
      queues.mayAsk(link)
    },
    close: () => {
      for (const queue of queues.all()) queue.end()
    },
    restore: holdings => {
      for (const { place, topic } of holdings.partitions) topics.open(place, topic)
      for (const place of holdings.letterIndexes) topics.addLetterIndex(place)
      // Groups and slots before rings, so that nothing is appended before what gates it is known.
      for (const place of holdings.groups) calls.openGroup(place)
      for (const slot of holdings.slots) calls.openSlot(slot)
      for (const { place, topic, thread, after } of holdings.rings) topics.addRing(place, topic, thread, after)
      // Rings find in their window what they are still owed, and it may move now.
      for (const window of holdings.windows) topics.storedWindow(window)?.restore(window)
    },
  }
}
