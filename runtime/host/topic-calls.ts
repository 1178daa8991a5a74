/** What the control thread asks of the partitions of a host. The partition host's thread. */
import { transfer } from '../../actors/control-port.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import { offsetAt } from '../partition/seek.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { HostServices } from './host-services.ts'
import type { LetterDepths } from './letter-depths.ts'
import type { Topics } from './topics.ts'

type TopicCalls = Pick<
  PartitionHostApi,
  | 'addPartition'
  | 'addLetterIndex'
  | 'readLetters'
  | 'settleLetters'
  | 'addRing'
  | 'lastSequence'
  | 'offsetAt'
  | 'offerWindow'
  | 'recallWindows'
  | 'partitionStats'
>

export function topicCalls({ store }: HostServices, topics: Topics, letters: LetterDepths): TopicCalls {
  const indexOf = (topic: number, partition: number): LetterIndex => {
    const actor = topics.asked(topic, partition)
    if (actor.letterIndex === null)
      throw new Error(`broken invariant: topic ${topic} partition ${partition} takes no dead letters`)
    // Whatever is asked counts or settles letters.
    letters.look(actor)
    return actor.letterIndex
  }
  return {
    addPartition: (place, topic, cursors) => {
      const { isOnDisk, highWatermark: end } = topics.open(place, topic)
      if (!isOnDisk) return null
      store?.cutGroups(cursors, end)
      return end
    },
    addLetterIndex: place => topics.addLetterIndex(place),
    readLetters: (topic, partition, cursor) => {
      const page = indexOf(topic, partition).page(cursor)
      return transfer(page, [page.frames.buffer as ArrayBuffer])
    },
    settleLetters: (topic, partition, marks) => {
      indexOf(topic, partition).settle(marks)
      // A group whose dead letter had no room is busy until it has some, and the host may sleep.
      topics.wake(topics.asked(topic, partition))
    },
    addRing: (place, topic, thread, after) => topics.addRing(place, topic, thread, after),
    lastSequence: (topic, partition, producer, from) => {
      const actor = topics.asked(topic, partition)
      const { highWatermark } = actor
      // A loss of power may have taken what it was known to have, where that was promised less: then all of it is looked at.
      return actor.lastSequence(producer, from < highWatermark ? from : 0)
    },
    offsetAt: (topic, partition, place) => {
      const actor = topics.asked(topic, partition)
      return { from: offsetAt(actor, place), to: actor.highWatermark }
    },
    offerWindow: (topic, partition, offer) => topics.storedWindow({ topic, partition })?.offer(offer),
    recallWindows: windows => {
      for (const window of windows) topics.storedWindow(window)?.recall()
    },
    partitionStats: topic =>
      topics.of(topic).map(actor => {
        if (actor.letterIndex !== null) letters.look(actor)
        return actor.stats()
      }),
  }
}
