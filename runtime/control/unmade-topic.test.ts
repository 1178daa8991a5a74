/** A topic whose files cannot be made is refused each time in the same words, and takes nothing else with it. */
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import type { Broker, Topic } from '../index.ts'
import { folderOf, rejection } from '../proof/fixtures/broker.fixture.ts'

interface Blocked {
  readonly broker: Broker
  readonly sound: Topic
}

/** A broker with a topic, whose next ones cannot have their folders. */
async function blocked(t: Test): Promise<Blocked> {
  const { dir, open } = folderOf(t)
  const broker = await open()
  const sound = await broker.topic('sound')
  const [first] = readdirSync(join(dir, 'topics'))
  const id = Number((first as string).split('-')[0])
  for (let next = id + 1; next < id + 6; next++) writeFileSync(join(dir, 'topics', `${next}-0`), 'in the way')
  return { broker, sound }
}

t.test('a topic that could not be made is refused again, with what its disk said', async t => {
  const { broker, sound } = await blocked(t)
  for (let turn = 0; turn < 2; turn++)
    t.match(await rejection(broker.topic('unsound')), { code: 'MILL_DISK', message: /ENOTDIR/ })
  t.match(await sound.publish({ value: 1 }), { offset: 0 })
})

t.test('a partition host that dies after a topic could not be made is replaced, and goes on', async t => {
  const { broker, sound } = await blocked(t)
  t.match(await rejection(broker.topic('unsound')), { code: 'MILL_DISK' })
  t.match(await sound.publish({ value: 1 }), { offset: 0 })
  t.ok(await (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, 0)))
  t.match(await sound.publish({ value: 2 }), { offset: 1 })
  t.match(await rejection(broker.topic('unsound')), { code: 'MILL_DISK' })
})

t.test(
  'a topic that could not be made keeps no file open',
  { skip: !existsSync('/proc/self/fd') && 'there is no list of open files' },
  async t => {
    const { dir, open } = folderOf(t)
    const broker = await open()
    mkdirSync(join(dir, 'topics'), { recursive: true })
    for (let id = 1; id < 6; id++) writeFileSync(join(dir, 'topics', `${id}-9`), 'in the way')
    const wide = { partitions: 10, windowBytes: 65_536, maxMessageBytes: 1_024 }
    t.match(await rejection(broker.topic('unsound', wide)), { code: 'MILL_DISK' })
    const isOpen = readdirSync('/proc/self/fd').filter(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(dir, 'topics'))
      } catch {
        return false
      }
    })
    t.strictSame(isOpen, [])
  },
)

t.test('a topic that could not be made takes nothing, and can be made once nothing is in the way', async t => {
  const { dir, open } = folderOf(t)
  const broker = await open()
  const session = sessions.get(broker) as Session
  mkdirSync(join(dir, 'topics'), { recursive: true })
  writeFileSync(join(dir, 'topics', '1-9'), 'in the way')
  const before = await session.ask(control => control.census())
  const wide = { partitions: 10, windowBytes: 65_536, maxMessageBytes: 1_024 }
  t.match(await rejection(broker.topic('wide', wide)), { code: 'MILL_DISK' })
  t.strictSame(await session.ask(control => control.census()), before)
  t.strictSame(readdirSync(join(dir, 'topics')), ['1-9'], 'what is not ours stays')
  t.strictSame(await broker.topics(), [])
  const narrow = await broker.topic('wide', { ...wide, partitions: 2 })
  t.equal(narrow.partitions, 2, 'nothing is left of what it was to be')
  t.match(await narrow.publish({ value: 1 }), { offset: 0 })
  await broker.close()
  const second = await open()
  t.match(await second.topics(), [{ name: 'wide', partitions: 2 }])
})

t.test('a topic on disk that could not be opened is closed, and opened once nothing is in the way', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  const topic = await first.topic('orders', { partitions: 2, windowBytes: 65_536, maxMessageBytes: 1_024 })
  await topic.publish({ value: 'kept', partition: 1 })
  await first.close()
  const second = await open()
  const session = sessions.get(second) as Session
  const before = await session.ask(control => control.census())
  const [, folder] = readdirSync(join(dir, 'topics')) as [string, string]
  const away = join(dir, 'away')
  renameSync(join(dir, 'topics', folder), away)
  writeFileSync(join(dir, 'topics', folder), 'in the way')
  t.match(await rejection(second.topic('orders')), { code: 'MILL_DISK' })
  t.strictSame(await session.ask(control => control.census()), before)
  rmSync(join(dir, 'topics', folder))
  renameSync(away, join(dir, 'topics', folder))
  const again = await second.topic('orders')
  t.match(await again.stats(), { partitions: [{ highWatermark: 0 }, { highWatermark: 1 }] })
})

t.test('a topic that was made must have its folders, also without a record', async t => {
  const { dir, open } = folderOf(t)
  const broker = await open()
  await broker.topic('orders', { partitions: 2 })
  await broker.close()
  const [, second] = readdirSync(join(dir, 'topics')) as [string, string]
  rmSync(join(dir, 'topics', second), { recursive: true })
  t.match(await rejection(open()), { code: 'MILL_CORRUPT', message: new RegExp(`${second} .*missing`) })
})
