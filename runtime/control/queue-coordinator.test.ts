/** Places of consumers at a queue, with members and a partition host that answer when told to. */
import t from 'tap'
import { CallError } from '../../actors/control-port.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment, SlotPlace } from '../wire/places.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry, TopicEntry } from './catalog-entries.ts'
import type { MemberHandle } from './member-handle.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { QueueCoordinator } from './queue-coordinator.ts'

const CRASH: SlotCrash = { reason: 'crashed', error: { name: 'Error', message: 'it ended' } as never, executing: true }

/** A queue, and what its members and its host were told, in order. */
function house(answers: { readonly open?: () => Promise<void> } = {}) {
  const told: string[] = []
  const allocated: number[] = []
  let id = 0
  const places = [{ cursor: 50, topicName: 'jobs' }]
  const group = { spec: { group: 'queue', topic: 1 }, places, slots: new Map<number, SlotPlace>() }
  const catalog = {
    shared: {
      allocate: (bytes: number) => {
        allocated.push(bytes)
        return 128 * allocated.length
      },
    },
    nextPassingId: () => ++id,
    nextId: () => 100 + id,
    freeSlot: (_: ThreadEntry, { cursor }: SlotPlace) => told.push(`free ${cursor}`),
  }
  const api = {
    async openSlot({ cursor }: SlotPlace) {
      told.push(`open ${cursor}`)
      await answers.open?.()
      return { committed: 0, pin: 0, highWatermark: 0, known: [] }
    },
    closeSlot: async (cursor: number, _: number, crash: SlotCrash | null) =>
      void told.push(`close ${cursor} ${crash?.reason ?? 'in good order'}`),
  }
  const hosts = { call: (_: number, method: (to: typeof api) => unknown) => method(api) }
  const queue = { shape: { partitions: 1, name: 'jobs' }, places: [{ partition: 0, host: 0 }] }
  const coordinator = new QueueCoordinator(
    catalog as unknown as Catalog,
    hosts as unknown as PartitionHosts,
    queue as unknown as TopicEntry,
    group as unknown as GroupEntry,
  )
  const handle = (name: string, own: Partial<MemberHandle> = {}): MemberHandle => ({
    run: 7,
    thread: { place: { thread: 1 }, slots: [], reads: new Set() } as unknown as ThreadEntry,
    confirms: false,
    prefetch: null,
    consumerPriority: 0,
    careful: async () => undefined,
    assign: async ({ cursor }: Assignment) => void told.push(`${name} assign ${cursor}`),
    async revoke(cursor: number, _: number, stop: boolean): Promise<RevokeAnswer> {
      told.push(`${name} revoke ${cursor} ${stop}`)
      return { held: true, result: name }
    },
    crashOf: async () => CRASH,
    grown: topics => told.push(`${name} hears of ${topics.length}`),
    refused: error => told.push(`${name} refused ${(error as Error).message}`),
    ...own,
  })
  return { coordinator, group, handle, told, allocated }
}

t.test('each member has a place of its own at once, and nobody else is concerned', async t => {
  const { coordinator, handle, told, group } = house()
  await coordinator.up(
    new Map([
      ['a', handle('a')],
      ['b', handle('b')],
    ]),
  )
  t.strictSame(told.splice(0).sort(), ['a assign 1', 'b assign 2', 'open 1', 'open 2'])
  await coordinator.up(new Map([['c', handle('c')]]))
  t.strictSame(told.splice(0), ['open 3', 'c assign 3'])
  t.strictSame([coordinator.members, coordinator.owners, group.slots.size], [3, 3, 3])
  t.equal(coordinator.runOf(2, 102), 7)
  t.equal(coordinator.runOf(2, 103), null)
})

t.test('a dead member is fenced with its crash before its successor has a place, which is a new one', async t => {
  const { coordinator, handle, told, group } = house()
  await coordinator.up(new Map([['a', handle('a')]]))
  told.splice(0)
  const down = coordinator.down('a', slot => ({ ...CRASH, executing: slot.cursor === 1 }))
  const up = coordinator.up(new Map([['a', handle('again')]]))
  await Promise.all([down, up])
  t.strictSame(told, ['close 1 crashed', 'open 2', 'again assign 2'])
  t.equal(coordinator.runOf(1, 101), null)
  t.strictSame([...group.slots.keys()], [2])
  await coordinator.down('nobody', () => CRASH)
  t.equal(told.length, 3)
})

t.test('who leaves in good order is closed after its last message, and its memory is free', async t => {
  const { coordinator, handle, told, group } = house()
  await coordinator.up(
    new Map([
      ['a', handle('a')],
      ['b', handle('b')],
      ['c', handle('c')],
    ]),
  )
  told.splice(0)
  const { results, failures } = await coordinator.leave(7, ['b', 'a'], true)
  t.strictSame(failures, [])
  t.strictSame(
    results.map(({ result }) => result),
    ['b', 'a'],
  )
  t.strictSame(
    told.filter(said => said.includes('2')),
    ['b revoke 2 true', 'close 2 in good order', 'free 2'],
  )
  t.strictSame([...group.slots.keys()], [3])
  t.equal(coordinator.members, 1)
})

t.test('a failed `stop` is told, and a thread that ended on the way is a crash', async t => {
  const { coordinator, handle, told } = house()
  const lost = new CallError({ kind: 'closed', name: 'a', method: 'revoke' })
  await coordinator.up(
    new Map([
      ['a', handle('a', { revoke: () => Promise.reject(lost) })],
      ['b', handle('b', { revoke: () => Promise.reject(new Error('stop failed')) })],
    ]),
  )
  told.splice(0)
  const { results, failures } = await coordinator.leave(7, ['a', 'b'], true)
  t.strictSame(results, [])
  t.match(failures, [{ error: { message: 'stop failed' } }])
  t.strictSame(told.sort(), ['close 1 crashed', 'close 2 in good order'])
})

t.test('nobody waits for a `start` but who asked for it, and a member that cannot start is refused', async t => {
  const { coordinator, handle, told } = house()
  let started: () => void = () => undefined
  const slow = handle('slow', { assign: () => new Promise(resolve => (started = resolve)) })
  let isUp = false
  const up = coordinator.up(new Map([['slow', slow]])).then(() => (isUp = true))
  const broken = handle('broken', { assign: () => Promise.reject(new Error('start failed')) })
  const other = coordinator.up(new Map([['broken', broken]]))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(isUp, false)
  t.ok(told.includes('broken refused start failed'))
  const left = coordinator.leave(7, ['slow'], true)
  await Promise.resolve()
  t.notOk(
    told.some(said => said.startsWith('slow revoke')),
    'it is waited for until it has started',
  )
  started()
  await Promise.all([up, other, left])
  t.ok(told.includes('slow revoke 1 true'))
})

t.test('a place that cannot be opened is no place', async t => {
  const { coordinator, handle, group } = house({ open: () => Promise.reject(new Error('no memory')) })
  await t.rejects(coordinator.up(new Map([['a', handle('a')]])), { message: 'no memory' })
  t.equal(group.slots.size, 0)
  t.equal(coordinator.owners, 0)
  await coordinator.leave(7, ['a'], false)
  t.equal(coordinator.members, 0)
})

t.test('a consumer gets memory for what it may have, and is known by its own number', async t => {
  const { coordinator, handle, group, allocated } = house()
  const terms = { prefetch: 4, consumerPriority: -3, confirms: true }
  await coordinator.up(new Map([['few', handle('few', terms)]]))
  await coordinator.up(new Map([['many', handle('many')]]))
  t.match(group.slots.get(1), { cursor: 1, epoch: 101, confirms: true })
  t.strictSame(group.slots.get(1)?.consumer, { queue: 50, entries: 16, ringCapacity: 8_192, priority: -3, prefetch: 4 })
  t.match(group.slots.get(2)?.consumer, { entries: 1_024, ringCapacity: 65_536, priority: 0, prefetch: 1_000 })
  t.ok((allocated[0] as number) < 12_000 && (allocated[1] as number) > 65_536, `${allocated}`)
})
