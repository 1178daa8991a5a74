/**
 * A topic is removed by processes that end at any operation of the disk, also while the next one goes on with it: what is found
 * then is all of the topic, or nothing.
 */
import t, { type Test } from 'tap'
import { verifyStore } from '../log/folder/verify-store.ts'
import { drawn, portion } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import type { SimDisk } from '../proof/sim/sim-disk.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { TopicEntry } from './catalog-entries.ts'
import { folder, type OpenedBroker, openBroker, opensAtLast, survives } from './lost-folder.fixture.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { type Contents, DIR, openFolder, shapeOf, TOPICS } from './small-folder.fixture.ts'
import { TopicRemoval } from './topic-removal.ts'

interface Opened extends OpenedBroker {
  readonly removal: TopicRemoval
}

function open(disk: SimDisk): Opened {
  const opened = openBroker(disk)
  const { catalog, directory, store } = opened
  const api: Pick<PartitionHostApi, 'dropTopic'> = {
    dropTopic: (topic, gone) => store.forget(topic, [0], gone?.cursors ?? []),
  }
  const hosts = { all: async (ask: (host: typeof api) => unknown) => [await ask(api)] } as unknown as PartitionHosts
  return { ...opened, removal: new TopicRemoval(catalog, hosts, directory, () => [catalog.addThread()]) }
}

/** Removes the first topic; false: the process ended at operation `at` of that. */
async function removes(disk: SimDisk, at: number, bytes: number): Promise<boolean> {
  const { topics, removal, close } = open(disk)
  const isOver = await survives(disk, at, bytes, () => removal.remove(topics[0] as TopicEntry))
  close()
  return isOver
}

/** What is there before, and what when the topic is gone. */
async function extremes(): Promise<{ readonly whole: Contents; readonly gone: Contents; readonly operations: number }> {
  const disk = folder()
  const { close } = open(disk)
  close()
  disk.crash()
  const whole = openFolder(disk).contents
  disk.crash()
  const { topics, removal, close: closeNext } = open(disk)
  const before = disk.operations
  await removal.remove(topics[0] as TopicEntry)
  const operations = disk.operations - before
  closeNext()
  disk.crash()
  return { whole, gone: openFolder(disk).contents, operations }
}

/** The folder is whole, and has all of the topic or nothing. Whether it has it. */
function look(t: Test, disk: SimDisk, whole: Contents, gone: Contents, at: string): boolean {
  t.strictSame(
    verifyStore(disk, DIR).findings.filter(({ isDamage }) => isDamage),
    [],
    at,
  )
  const { contents } = openFolder(disk)
  const isThere = contents.logs.length === TOPICS.length
  t.same(contents, isThere ? whole : { ...gone, groups: contents.groups }, at)
  if (!isThere) t.notOk(disk.list(`${DIR}/topics`).includes('1-0'), `${at}: its folder is removed`)
  return isThere
}

t.test('a topic is there or gone, wherever the process that removed it ended', async t => {
  const { whole, gone, operations } = await extremes()
  t.ok(operations > 20, `${operations} operations`)
  t.equal(whole.logs.length - gone.logs.length, 1)
  t.match(gone.catalog, {
    0: [{ shape: { id: 2 } }, { shape: { id: 3 }, deadLettersOf: [] }],
    1: undefined,
    2: 1,
    3: [{ kind: 'declare' }, { kind: 'bind', target: { name: 'clicks' } }],
  })
  t.match(whole.catalog, { 3: { length: 3 } }, 'with the binding that leads to it')
  const seen = new Set<boolean>()
  for (const at of drawn(operations)) {
    for (const how of ['crash', 'power', 'crash and power', 'ended again'] as const) {
      const disk = folder()
      const chance = new Chance(at * 7 + how.length)
      t.equal(await removes(disk, at + 1, chance.below(64)), false)
      if (how !== 'power') disk.crash()
      if (how === 'ended again') opensAtLast(disk, chance)
      if (how !== 'crash') disk.powerCut(chance)
      seen.add(look(t, disk, whole, gone, `${how} at operation ${at + 1}`))
    }
  }
  if (portion.of === 1) t.equal(seen.size, 2, 'both are met')
})

t.test('the name of a topic that was half removed is free, for one with a number of its own', async t => {
  const disk = folder()
  const { operations } = await extremes()
  t.equal(await removes(disk, operations - 2, 0), false)
  disk.crash()
  const { catalog, close } = open(disk)
  const id = catalog.nextStoredId()
  t.ok(id > 3)
  const topic = catalog.addTopic(shapeOf(id, 'orders', 'fsync'))
  t.strictSame([...topic.deadLettersOf, topic.madeFor], [null])
  close()
})
