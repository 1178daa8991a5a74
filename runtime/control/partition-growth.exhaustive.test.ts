/**
 * A topic gets more partitions in processes that end at any operation of the disk, also while the next one opens the folder: what is
 * found then is a topic with its old count or its new one, with all of its folders and no other.
 */
import t, { type Test } from 'tap'
import { DiskError } from '../log/disk/disk.ts'
import { verifyStore } from '../log/folder/verify-store.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import { drawn, portion } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import type { SimDisk } from '../proof/sim/sim-disk.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { TopicEntry } from './catalog-entries.ts'
import { folder, JOURNAL_BYTES, type OpenedBroker, openBroker, opensAtLast, survives } from './lost-folder.fixture.ts'
import type { NamedProducers } from './named-producers.ts'
import { openDirectory } from './open-directory.ts'
import type { Openings } from './openings.ts'
import { PartitionGrowth } from './partition-growth.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import type { Runs } from './runs.ts'
import { type Contents, DIR, openFolder } from './small-folder.fixture.ts'

const MORE = 2
type Api = Pick<PartitionHostApi, 'addPartition' | 'addLetterIndex' | 'openGroup' | 'addRing' | 'dropPartitions'>

interface Opened extends OpenedBroker {
  readonly growth: PartitionGrowth
}

function open(disk: SimDisk): Opened {
  const opened = openBroker(disk, () => undefined)
  const { catalog, directory, store, topics } = opened
  const api: Api = {
    addPartition: (place, topic) => {
      store.open(place, topic)
      return 0
    },
    addLetterIndex: () => undefined,
    openGroup: () => undefined,
    addRing: () => undefined,
    dropPartitions: (topic, from) => {
      // A host that is started again just then is told of none.
      if (catalog.topic(topic).places.length > from) throw new Error('they are there, and let go')
      return store.forgetPartitions(topic, [from, from + 1], [])
    },
  }
  const hosts = {
    all: async (ask: (host: Api, index: number) => unknown) => [await ask(api, 0)],
    settled: (work: Promise<unknown>) => work,
  } as unknown as PartitionHosts
  const openings = {
    openLettersOf: async (source: TopicEntry) => {
      for (const topic of topics) if (topic.deadLettersOf.has(source.shape.id)) catalog.addDesks(topic, source)
    },
  } as unknown as Openings
  const parts = { catalog, hosts, directory, callers: () => [] }
  const runs = { runningOf: () => 0, grown: () => undefined } as unknown as Runs
  const producers = { isOpen: () => false } as unknown as NamedProducers
  return { ...opened, growth: new PartitionGrowth(parts, openings, producers, runs) }
}

/** A topic that grows, and what there is then. */
interface Case {
  readonly title: string
  /** Among the topics of the folder. */
  readonly index: number
  readonly counts: readonly number[]
  readonly folders: readonly string[]
}

const WAYS = ['crash', 'power', 'crash and power', 'ended again', 'failed', 'failed for good'] as const
const BEFORE = { counts: [1, 1, 1], folders: ['1-0', '2-0', '3-0'] } as const
const CASES: readonly Case[] = [
  {
    title: 'a topic, and the one of its dead letters,',
    index: 0,
    counts: [1 + MORE, 1, 1 + MORE],
    folders: ['1-0', '1-1', '1-2', '2-0', '3-0', '3-1', '3-2'],
  },
  {
    title: 'a topic that is in no journal',
    index: 1,
    counts: [1, 1 + MORE, 1],
    folders: ['1-0', '2-0', '2-1', '2-2', '3-0'],
  },
]

/** Adds partitions; false: the process ended at operation `at` of that. */
async function grows(disk: SimDisk, { index }: Case, at: number, bytes: number): Promise<boolean> {
  const { topics, growth, close } = open(disk)
  try {
    return await survives(disk, at, bytes, () => growth.add(0, (topics[index] as TopicEntry).shape.id, MORE))
  } finally {
    // What stays open would keep the process alive.
    close()
  }
}

/** Adds partitions to a disk of which operation `at` of that fails, or all from then on. */
async function fails(t: Test, disk: SimDisk, { index }: Case, at: number, lasts: boolean): Promise<void> {
  const { topics, growth, close } = open(disk)
  const first = disk.operations
  disk.before = number => {
    if (number === first + at || (lasts && number > first + at)) throw new DiskError('write', DIR, 'EIO')
  }
  const topic = topics[index] as TopicEntry
  t.match(await rejection(growth.add(0, topic.shape.id, MORE)), { code: 'MILL_DISK' })
  t.strictSame([topic.shape.partitions, topic.places.length], [1, 1])
  disk.before = () => undefined
  close()
}

/** The folder is whole, and all of these topics have grown or none. Whether they have. */
function look(t: Test, disk: SimDisk, after: Case, logs: Contents['logs'], at: string): boolean {
  const { findings } = verifyStore(disk, DIR)
  t.strictSame(
    findings.filter(({ isDamage }) => isDamage),
    [],
    at,
  )
  const directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const topics = directory.topics()
  const counts = topics.map(({ shape: { partitions } }) => partitions)
  const hasGrown = counts.some(count => count > 1)
  const { counts: wanted, folders } = hasGrown ? after : BEFORE
  t.strictSame(counts, wanted, at)
  t.notOk(
    topics.some(({ growsTo }) => growsTo !== undefined),
    at,
  )
  t.strictSame(disk.list(`${DIR}/topics`).sort(), folders, at)
  const cursors = directory.groups.cursors(1, 'g') as readonly number[]
  t.ok(new Set(cursors).size >= (counts[0] as number), at)
  t.equal(directory.groups.addedFrom(1, 'g'), cursors.length > 1 ? 1 : Number.POSITIVE_INFINITY, at)
  directory.close()
  t.same(openFolder(disk).contents.logs, logs, at)
  return hasGrown
}

for (const each of CASES)
  t.test(
    `${each.title} has its old count or its new one, wherever the process that added partitions ended`,
    async t => {
      const sound = folder()
      const { logs } = openFolder(sound).contents
      sound.crash()
      const { growth, close } = open(sound)
      const before = sound.operations
      const grown = await growth.add(0, each.index + 1, MORE)
      const operations = sound.operations - before
      close()
      t.equal(grown[0]?.topic.partitions, 1 + MORE)
      t.ok(operations > 10, `${operations} operations`)
      sound.powerCut(new Chance(1))
      t.ok(look(t, sound, each, logs, 'what was answered is durable'))
      const seen = new Set<boolean>()
      for (const at of drawn(operations)) {
        for (const how of WAYS) {
          // What is wrong at one operation is wrong at hundreds, and telling of each takes minutes.
          if (!t.passing()) return
          const disk = folder()
          const chance = new Chance(at * 7 + how.length)
          const hasFailed = how.startsWith('failed')
          if (hasFailed) await fails(t, disk, each, at + 1, how === 'failed for good')
          else t.equal(await grows(disk, each, at + 1, chance.below(64)), false)
          if (how !== 'power') disk.crash()
          if (how === 'ended again') opensAtLast(disk, chance)
          if (how !== 'crash' && !(hasFailed && chance.happens(0.5))) disk.powerCut(chance)
          const where = `${how} at operation ${at + 1}`
          const hasGrown = look(t, disk, each, logs, where)
          seen.add(hasGrown)
          disk.crash()
          // What was begun is no obstacle.
          if (hasGrown || at % 4 > 0) continue
          t.ok(await grows(disk, each, 0, 0), where)
          disk.powerCut(chance)
          t.ok(look(t, disk, each, logs, `${where}, and again`))
        }
      }
      if (portion.of === 1) t.equal(seen.size, 2, 'both are met')
    },
  )
