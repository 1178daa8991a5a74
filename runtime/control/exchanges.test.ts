/** Exchanges as the control thread decides them: who may have a name, what is refused, what the next process finds, and ROUTES. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FaultyDisk } from '../log/disk/faulty-disk.fixture.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import { SimDisk } from '../proof/sim/sim-disk.ts'
import type { BoundTarget, RouteChange } from '../wire/route-changes.ts'
import { CallGate } from './call-gate.ts'
import { Catalog } from './catalog.ts'
import { ExchangeCalls } from './exchange-calls.ts'
import { folder, type OpenedBroker, openBroker, opensAtLast, survives } from './lost-folder.fixture.ts'
import { openDirectory } from './open-directory.ts'
import { DIR, shapeOf } from './small-folder.fixture.ts'

const EMPTY = { seen: 0, generation: 0 }
const ORDERS: BoundTarget = { kind: 'topic', name: 'orders', id: 1 }
const CLICKS: BoundTarget = { kind: 'topic', name: 'clicks', id: 2 }

interface House {
  readonly catalog: Catalog
  readonly calls: ExchangeCalls
  readonly gate: CallGate
  /** What there is, in words. */
  routes(): string[]
  word(): number
}

function houseOf({ catalog, directory }: Pick<OpenedBroker, 'catalog'> & Partial<OpenedBroker>): House {
  const gate = new CallGate()
  const address = catalog.addThread().place.broker
  return {
    catalog,
    gate,
    calls: new ExchangeCalls(gate, catalog, directory ?? null),
    routes: () => catalog.exchanges.since(EMPTY).changes.map(said),
    word: () => catalog.memory.load(address),
  }
}

function said(change: RouteChange): string {
  if (change.kind === 'declare') return `${change.exchange.name} ${change.exchange.type}`
  return 'target' in change ? `${change.exchange} -> ${change.target.name} ${change.by}` : change.kind
}

const inMemory = (): House => houseOf({ catalog: new Catalog(Memory.allocate(4 << 20), 1, null) })

t.test('an exchange is made once, and whoever declares it again wants the same', async t => {
  const { calls } = inMemory()
  await t.rejects(calls.declare('x', null, undefined), { code: 'MILL_INVALID_OPTION', message: /say its `type`/ })
  const made = await calls.declare('x', 'topic', 'rest')
  t.match(made, { name: 'x', type: 'topic', alternate: 'rest' })
  for (const [type, alternate] of [
    ['topic', 'rest'],
    [null, undefined],
    ['topic', undefined],
  ] as const)
    t.strictSame(await calls.declare('x', type, alternate), made)
  const differs = { code: 'MILL_CONFIG_MISMATCH', message: /exists with type topic, not fanout/ }
  await t.rejects(calls.declare('x', 'fanout', undefined), differs)
  await t.rejects(calls.declare('x', null, null), { code: 'MILL_CONFIG_MISMATCH', message: /alternate rest, not none/ })
  t.strictSame(await calls.list(), [{ name: 'x', type: 'topic', alternate: 'rest', bindings: 0 }])
})

t.test('topics, queues and exchanges share their names, also with those of a process before', async t => {
  const disk = folder()
  const { catalog, directory, close } = openBroker(disk)
  const { calls } = houseOf({ catalog, directory })
  const taken = { code: 'MILL_CONFIG_MISMATCH', message: /clicks is a topic, not an exchange/ }
  await t.rejects(calls.declare('clicks', 'direct', null), taken)
  close()
})

t.test(
  'a binding is one however often it is made, what is not bound is unbound, and ROUTES tells of changes only',
  async t => {
    const { calls, catalog, routes, word } = inMemory()
    t.equal(word(), 0)
    const { id } = await calls.declare('x', 'topic', null)
    const queue = catalog.addTopic({ ...shapeOf(9, 'orders', 'os'), log: null })
    const target = { kind: 'topic', name: 'orders', id: queue.shape.id } as const
    await calls.bind(id, target, 'a.*')
    const after = word()
    t.equal(after, catalog.exchanges.since(EMPTY).position.generation)
    await calls.bind(id, target, 'a.*')
    await calls.unbind(id, target, 'b')
    t.equal(word(), after)
    t.strictSame(routes(), ['x topic', 'x -> orders a.*'])
    await calls.unbind(id, target, 'a.*')
    t.not(word(), after)
    t.strictSame(routes(), ['x topic'])
  },
)

t.test('what is deleted or closed is refused by a word that callers know, and nothing changes', async t => {
  const { calls, gate, catalog, routes } = inMemory()
  const [x, y] = [await calls.declare('x', 'fanout', null), await calls.declare('y', 'fanout', null)]
  await t.rejects(calls.bind(x.id, ORDERS, ''), { code: 'MILL_TOPIC_DELETED', message: /topic orders was deleted/ })
  await calls.bind(x.id, { kind: 'exchange', ...y }, '')
  await calls.delete(y.id)
  await calls.delete(y.id)
  t.strictSame(routes(), ['x fanout'], 'with the binding to it')
  const gone = { code: 'MILL_TOPIC_DELETED', message: /exchange y was deleted/ }
  await t.rejects(calls.bind(x.id, { kind: 'exchange', ...y }, ''), gone)
  await t.rejects(calls.bind(y.id, { kind: 'exchange', ...x }, ''), { code: 'MILL_TOPIC_DELETED' })
  await t.rejects(calls.unbind(y.id, ORDERS, ''), { code: 'MILL_TOPIC_DELETED' })
  const again = await calls.declare('y', 'direct', null)
  t.not(again.id, y.id)
  await t.rejects(calls.bind(x.id, { kind: 'exchange', ...y }, ''), gone, 'by the number of before')
  catalog.exchanges.forget(again.id, 'y')
  gate.close()
  for (const call of [calls.declare('z', 'fanout', null), calls.bind(x.id, ORDERS, ''), calls.delete(x.id)])
    await t.rejects(call as Promise<void>, { code: 'MILL_CLOSED' })
  t.match(await calls.changes(EMPTY), { restarts: false }, 'runs that stop still route')
})

t.test('the next process finds exchanges and bindings, but none to what was in memory', async t => {
  const disk = folder()
  let opened = openBroker(disk)
  let house = houseOf(opened)
  const passing = opened.catalog.addTopic({ ...shapeOf(opened.catalog.nextStoredId(), 'passing', 'os'), log: null })
  const { id } = await house.calls.declare('x', 'headers', 'events')
  const by = { match: 'any', headers: { a: null, b: Uint8Array.of(7) } } as const
  await house.calls.bind(id, ORDERS, by)
  await house.calls.bind(id, { kind: 'topic', name: 'passing', id: passing.shape.id }, by)
  const events = house.catalog.exchanges.named('events')
  t.not(events, undefined)
  await house.calls.bind(id, { kind: 'exchange', name: 'events', id: events?.id ?? 0 }, by)
  t.equal(house.routes().length, 7)
  opened.close()
  disk.crash()
  opened = openBroker(disk)
  house = houseOf(opened)
  const { changes } = house.catalog.exchanges.since(EMPTY)
  t.strictSame(
    changes.flatMap(change => (change.kind === 'bind' && change.exchange === 'x' ? [[change.target, change.by]] : [])),
    [
      [ORDERS, by],
      [{ kind: 'exchange', name: 'events', id: events?.id }, by],
    ],
  )
  t.match(await house.calls.declare('x', null, undefined), { id, alternate: 'events' })
  t.not(house.word(), 0)
  opened.close()
})

t.test('a disk that fails refuses the change, which is then nowhere', async t => {
  const disk = new FaultyDisk(folder())
  const directory = openDirectory(disk, DIR, 1, 8_192)
  const catalog = new Catalog(Memory.allocate(8 << 20), 1, directory)
  for (const { shape } of directory.topics()) catalog.addTopic(shape)
  const { calls, routes, word } = houseOf({ catalog, directory })
  const { id } = await calls.declare('x', 'direct', null)
  const [before, told] = [routes(), word()]
  disk.fail({ operation: 'write', path: /catalog/, errno: 'ENOSPC', times: Number.POSITIVE_INFINITY })
  await t.rejects(calls.bind(id, CLICKS, 'k'), { code: 'MILL_DISK' })
  await t.rejects(calls.delete(id), { code: 'MILL_DISK' })
  t.strictSame([routes(), word()], [before, told])
  for (const kept of [catalog.snapshots, catalog.producers]) kept.close()
})

/** Binds, unbinds, declares and deletes, and says each step that has been answered. */
async function steps({ calls }: House, done: (step: number) => void): Promise<void> {
  const { id } = await calls.declare('a', 'topic', null)
  done(1)
  await calls.bind(id, ORDERS, '1')
  done(2)
  await calls.bind(id, CLICKS, '2')
  done(3)
  await calls.unbind(id, ORDERS, '1')
  done(4)
  const other = await calls.declare('b', 'fanout', 'a')
  await calls.bind(other.id, { kind: 'exchange', name: 'a', id }, '')
  done(5)
  await calls.delete(id)
  done(6)
}

const OWN = /^[ab] /
const AFTER = [
  [],
  ['a topic'],
  ['a topic', 'a -> orders 1'],
  ['a topic', 'a -> orders 1', 'a -> clicks 2'],
  ['a topic', 'a -> clicks 2'],
  ['a topic', 'b fanout', 'a -> clicks 2', 'b -> a '],
  ['b fanout'],
]
/** What may be found besides where the process ended within the step that makes two changes. */
const BETWEEN = ['a topic', 'b fanout', 'a -> clicks 2']

t.test(
  'a change that was answered is there after any end of the process and loss of power, and no part of another',
  async t => {
    const whole = folder()
    const first = openBroker(whole)
    const before = whole.operations
    await steps(houseOf(first), () => undefined)
    const operations = whole.operations - before
    first.close()
    t.ok(operations > 12, `${operations} operations`)
    for (const at of drawn(operations))
      for (const how of ['crash', 'power', 'ended again'] as const) {
        const disk = folder()
        const chance = new Chance(at * 7 + how.length)
        const opened = openBroker(disk)
        let answered = 0
        await survives(disk, at + 1, chance.below(40), () => steps(houseOf(opened), step => (answered = step)))
        opened.close()
        if (how !== 'power') disk.crash()
        if (how === 'ended again') opensAtLast(disk, chance)
        if (how === 'power') disk.powerCut(chance)
        const next = openBroker(disk)
        const found = houseOf(next)
          .routes()
          .filter(route => OWN.test(route))
        const allowed = [AFTER[answered], AFTER[answered + 1], ...(answered === 4 ? [BETWEEN] : [])]
        if (!allowed.some(each => each?.join() === found.join()))
          t.fail(`${how} at ${at + 1}, after step ${answered}: [${found}]`)
        next.close()
      }
  },
)

t.test('what leads to a queue or topic that was deleted, and was not removed to the end, leads nowhere', async t => {
  const disk = new SimDisk()
  let directory = openDirectory(disk, DIR, 1, 8_192)
  directory.reserveIds(100)
  const shape = shapeOf(5, 'jobs', 'os')
  directory.keepTopic({ shape, deadLettersOf: [] })
  directory.exchanges.declare({ id: 7, name: 'x', type: 'direct', alternate: null })
  directory.exchanges.bind({ exchange: 7, kind: 'topic', target: 5, by: 'k' })
  directory.exchanges.bind({ exchange: 6, kind: 'topic', target: 5, by: 'of an exchange that is gone' })
  directory.deleteTopic('jobs')
  directory.keepTopic({ shape: { ...shape, id: 8 }, deadLettersOf: [] })
  directory.close()
  directory = openDirectory(disk, DIR, 1, 8_192)
  const { exchanges, snapshots, producers } = new Catalog(Memory.allocate(4 << 20), 1, directory)
  t.strictSame(exchanges.since(EMPTY).changes.map(said), ['x direct'])
  t.strictSame(directory.exchanges.bindings(), [])
  for (const kept of [snapshots, producers]) kept.close()
  directory.close()
})
