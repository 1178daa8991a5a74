/** Each kind of resident keeps to what the loop of its host relies on; and how little a new kind has to write. */

import { RingConsumer } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { GroupActor } from '../group/group-actor.ts'
import type { HostLink } from '../link/host-link.ts'
import type { IncomingRing } from '../partition/incoming-ring.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { house } from '../partition/partition-house.fixture.ts'
import type { Resident, Staged, Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { Ceilings } from './ceilings.ts'
import { GoneTopics } from './gone-topics.ts'
import { GroupResident } from './group-resident.ts'
import type { HostLinks } from './host-links.ts'
import { HostNews } from './host-news.ts'
import type { HostStore } from './host-store.ts'
import { IdleWaits } from './idle-waits.ts'
import { LetterDepths } from './letter-depths.ts'
import { PartitionResident } from './partition-resident.ts'
import { keepsResidentContract } from './resident-contract.fixture.ts'
import { UnreadWords } from './unread-words.ts'

keepsResidentContract('a partition', add => {
  const { actor, publish, receipts } = house(false)
  const resident = new PartitionResident(actor(), {
    tell: () => undefined,
    appended: () => undefined,
    unread: () => undefined,
  })
  const residence = add(resident)
  let published = 0
  return {
    give: () => {
      publish(1)
      published++
      residence.wake()
    },
    isDone: () => receipts.length === published,
  }
})

keepsResidentContract('a group', add => {
  let failures = 0
  const actor = {
    tend: () => failures > 0 && failures-- > 0,
    standing: (): Standing => (failures > 0 ? 'waitsForCommit' : 'rests'),
    letters: { takeStall: () => null, stallsInMs: Number.POSITIVE_INFINITY },
    isLow: false,
  } as unknown as GroupActor
  const residence = add(new GroupResident(actor, { tell: () => undefined, low: () => undefined }))
  return {
    give: () => {
      failures += 3
      residence.wake()
    },
    isDone: () => failures === 0,
  }
})

keepsResidentContract('the ceilings', add => {
  let asked = 0
  let raised = 0
  const store = {
    raiseCeilings: (groups: Iterable<unknown>) => {
      raised += [...groups].length
      return true
    },
  } as unknown as HostStore
  const ceilings = new Ceilings(store).join(add)
  return {
    give: () => {
      asked++
      ceilings.add({} as GroupActor)
    },
    isDone: () => raised === asked,
  }
})

keepsResidentContract('who waits for groups', add => {
  let offset = 0
  let waits = 0
  const group = {
    partition: {
      get highWatermark() {
        return offset + 1
      },
    },
    settledTo: (to: number) => {
      // Its reader commits a little later.
      if (waits > 0) offset++
      return offset > to + 2
    },
    letters: { stuck: null },
  } as unknown as GroupActor
  const idle = new IdleWaits(() => true).join(add)
  return {
    give: () => {
      waits++
      void idle.add([group], false, waits)
    },
    isDone: () => idle.standing() === 'rests',
  }
})

t.test('who waits for queues looks again while there may be more that only comes later', async t => {
  const queue = {
    partition: { highWatermark: 4 },
    settledTo: () => false,
    openFrom: (from: number) => Math.min(from + 1, 3),
    letters: { stuck: null },
  }
  const idle = new IdleWaits(() => true)
  const waits = idle.add([queue as unknown as GroupActor], true, 1)
  const stands: string[] = []
  for (let look = 0; look < 4; look++) {
    stands.push(idle.standing())
    idle.work()
  }
  t.same(stands, ['ready', 'ready', 'ready', 'waitsForCommit'], 'one message stands in the way')
  idle.leave(2)
  t.equal(idle.standing(), 'waitsForCommit', 'another wait is left')
  queue.openFrom = () => 4
  t.equal(idle.standing(), 'ready')
  idle.work()
  await waits
  t.equal(idle.standing(), 'rests')
})

t.test('a wait that was left takes no time any more', async t => {
  let looks = 0
  const group = {
    partition: { highWatermark: 4 },
    settledTo: () => ++looks < 0,
    letters: { stuck: null },
  }
  const idle = new IdleWaits(() => true)
  const waits = idle.add([group as unknown as GroupActor], false, 7)
  idle.leave(7)
  await waits
  looks = 0
  t.equal(idle.standing(), 'rests')
  idle.work()
  t.equal(looks, 0)
})

keepsResidentContract('the news', add => {
  const told: HostNotice[] = []
  let given = 0
  const news = new HostNews(
    notice => void told.push(notice),
    () => undefined,
  ).join(add)
  return {
    give: () => {
      given++
      news.deadLettered({} as BrokerEvents['deadLettered'])
    },
    isDone: () => told.length === given,
  }
})

keepsResidentContract('the depths of dead letters', add => {
  let given = 0
  let told = 0
  let changed = false
  const letters = new LetterDepths(() => told++).join(add)
  const letterIndex = {
    depth: 0,
    filled: 0,
    takeChanged: () => {
      const was = changed
      changed = false
      return was
    },
  }
  const actor = { topic: { id: 1 }, partition: 0, log: null, letterIndex } as unknown as PartitionActor
  return {
    give: () => {
      given++
      changed = true
      letters.touch(actor)
    },
    isDone: () => told === given,
  }
})

t.test('a partition that waits for readers is due when it has waited long enough', async t => {
  const upkeep = { tell: () => undefined, appended: () => undefined, unread: () => undefined }
  const due = (full: boolean): number => {
    const never = { dueInMs: () => Number.POSITIVE_INFINITY }
    const actor = { drops: never, near: { dueInMs: () => 0.25 }, full } as unknown as PartitionActor
    return new PartitionResident(actor, upkeep).dueInMs(0)
  }
  t.equal(due(true), 1)
  t.equal(due(false), Number.POSITIVE_INFINITY)
})

keepsResidentContract('what is unread', add => {
  let unread = 0
  const words = new UnreadWords().join(add)
  const actor = { refreshUnread: () => --unread > 0 } as unknown as PartitionActor
  return {
    give: () => {
      unread = 4
      words.add(actor)
    },
    isDone: () => unread <= 0,
  }
})

keepsResidentContract('topics that are gone', add => {
  const { memory, place } = house(false)
  const drained: number[] = []
  const links = { addRing: (_ring: IncomingRing, wake: () => void) => wake() } as unknown as HostLinks
  const link = { room: () => 1, gone: () => undefined } as unknown as HostLink
  const gone = new GoneTopics(links, ({ id }) => void drained.push(id)).join(add)
  let given = 0
  return {
    give: () => {
      const consumer = new RingConsumer(memory, place.address, place.capacity)
      gone.add(1, { id: ++given, consumer, link, orphaned: true } as unknown as IncomingRing)
    },
    isDone: () => drained.length === given,
  }
})

/** All that a kind has to write: here, one that does so many things, two in a step, and then stages what it did. */
class Toy implements Resident {
  #things = 0
  #done = 0
  committed = 0

  give(things: number): void {
    this.#things += things
  }

  work(): boolean {
    const taken = Math.min(2, this.#things)
    this.#things -= taken
    this.#done += taken
    return taken > 0
  }

  standing(): Standing {
    return this.#things > 0 ? 'ready' : 'rests'
  }

  dueInMs(): number {
    return Number.POSITIVE_INFINITY
  }

  stage(): Staged | null {
    const done = this.#done
    this.#done = 0
    if (done === 0) return null
    const committed = (): void => {
      this.committed += done
    }
    return { frames: {} as Staged['frames'], committed, failed: () => undefined }
  }
}

keepsResidentContract('a toy', add => {
  const toy = new Toy()
  const residence = add(toy)
  let given = 0
  return {
    give: () => {
      given += 5
      toy.give(5)
      residence.wake()
    },
    isDone: () => toy.committed === given,
  }
})
