/**
 * A topic is removed by processes that end at any operation of the disk, also while the next one goes on with it: what is found
 * then is all of the topic, or nothing.
 */
import { Memory } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import type { Disk } from '../log/disk.ts'
import { PRIVATE_MODES } from '../log/node-disk.ts'
import { verifyStore } from '../log/verify-store.ts'
import { HostStore } from '../partition/host-store.ts'
import type { PartitionPlace } from '../places.ts'
import { drawn, portion } from '../portion.fixture.ts'
import type { PartitionHostApi } from '../protocol.ts'
import { Chance } from '../sim/chance.ts'
import { Cut, SimDisk } from '../sim/sim-disk.ts'
import { Catalog, type TopicEntry } from './catalog.ts'
import { openDirectory } from './open-directory.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { type Contents, DIR, makeFolder, openFolder, shapeOf, TOPICS } from './small-folder.fixture.ts'
import { TopicRemoval } from './topic-removal.ts'

const JOURNAL_BYTES = 8_192
const { disk: made } = makeFolder(true)

/** The same folder on a disk that can lose it. */
function folder(): SimDisk {
  const disk = new SimDisk()
  for (const path of made.files) {
    const above = path.slice(0, path.lastIndexOf('/'))
    disk.makeFolder(above)
    const file = disk.open(path, 'create')
    file.write([made.bytesOf(path)], 0)
    file.sync()
    file.close()
    disk.syncDirectory(above)
  }
  return disk
}

interface Opened {
  readonly catalog: Catalog
  readonly topics: readonly TopicEntry[]
  readonly removal: TopicRemoval
  close(): void
}

/** The control thread's part of a broker on the folder, and the store of its one partition host. */
function open(disk: Disk): Opened {
  const directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const catalog = new Catalog(Memory.allocate(4 << 20), 1, directory)
  const { logId } = directory
  const place = { dir: DIR, held: null, modes: PRIVATE_MODES, logId, journalBytes: JOURNAL_BYTES }
  const topics = directory.topics().map(({ shape }) => catalog.addTopic(shape))
  const known = topics.map(({ places, shape }) => ({ place: places[0] as PartitionPlace, topic: shape }))
  const fault = (): void => undefined
  const store = new HostStore(place, 0, known, { disk, failed: fail, cut: () => undefined, fault })
  const api: Pick<PartitionHostApi, 'dropTopic'> = {
    dropTopic: (topic, gone) => store.forget(topic, [0], gone?.members ?? []),
  }
  const hosts = { all: async (ask: (host: typeof api) => unknown) => [await ask(api)] } as unknown as PartitionHosts
  const removal = new TopicRemoval(catalog, hosts, directory, catalog.addClient())
  const close = (): void => {
    // Their timers; what they do with their files is over where the process has ended.
    for (const kept of [catalog.snapshots, catalog.producers]) quietly(() => kept.close())
  }
  return { catalog, topics, removal, close }
}

/** An end of the process is met by whatever the store does; anything else that it meets is a defect. */
function fail(error: Error): void {
  throw error
}

/** Removes the first topic; false: the process ended at operation `at` of that. */
async function removes(disk: SimDisk, at: number, bytes: number): Promise<boolean> {
  const { topics, removal, close } = open(disk)
  const first = disk.operations
  disk.before = number => {
    if (number === first + at) throw new Cut(bytes)
  }
  try {
    await removal.remove(topics[0] as TopicEntry)
    return true
  } catch (error) {
    if (!(error instanceof Cut)) throw error
    return false
  } finally {
    disk.before = () => undefined
    close()
  }
}

function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof Cut)) throw error
  }
}

/** Opens the folder; false: the process ended at this operation of that. */
function opens(disk: SimDisk, at: number): boolean {
  disk.before = number => {
    if (number === at) throw new Cut()
  }
  try {
    openDirectory(disk, DIR, 1, JOURNAL_BYTES).close()
    return true
  } catch (error) {
    if (error instanceof Cut) return false
    throw error
  } finally {
    disk.before = () => undefined
  }
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
  t.match(gone.catalog, [[{ shape: { id: 2 } }, { shape: { id: 3 }, deadLettersOf: [] }], undefined, 1])
  const seen = new Set<boolean>()
  for (const at of drawn(operations)) {
    for (const how of ['crash', 'power', 'crash and power', 'ended again'] as const) {
      const disk = folder()
      const chance = new Chance(at * 7 + how.length)
      t.equal(await removes(disk, at + 1, chance.below(64)), false)
      if (how !== 'power') disk.crash()
      if (how === 'ended again')
        for (let end = 1; !opens(disk, end); end += 1 + chance.below(6)) {
          if (chance.happens(0.5)) disk.powerCut(chance)
          else disk.crash()
        }
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
