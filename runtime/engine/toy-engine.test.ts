/** A toy passes the suite with what it claims; one that is broken fails the case that is about it. */
import t from 'tap'
import { BREAKAGES, type Breakage, broken } from './broken-toy.fixture.ts'
import type { Capabilities } from './capabilities.ts'
import { conformance } from './conformance/conformance.ts'
import { type Engine, openTopic } from './engine.ts'
import { toyEngines } from './toy-engine.fixture.ts'

const PATIENCE = { patienceMs: 500, quietMs: 5 } as const

const ALL: Capabilities = {
  order: 'key',
  settlement: 'individual',
  durability: ['memory', 'os'],
  partitionsMax: 8,
  messageBytesMax: 65_536,
  seek: ['earliest', 'latest', 'time', 'position'],
  retention: [],
  lag: true,
  redelivered: true,
}

const LITTLE: Capabilities = {
  ...ALL,
  order: 'none',
  settlement: 'cumulative',
  durability: ['memory'],
  partitionsMax: 1,
  seek: [],
  lag: false,
  redelivered: false,
}

t.test('a toy passes the suite with all that it claims', async t => {
  const suite = conformance({ open: toyEngines(ALL), supports: ALL, ...PATIENCE })
  t.strictSame(
    await suite.runAll(),
    suite.cases.map(({ name }) => name),
  )
  t.strictSame(suite.leftOut, ['settles with a record all before it in its partition'])
})

t.test('a toy that claims little passes what is left of the suite', async t => {
  const suite = conformance({ open: toyEngines(LITTLE), supports: LITTLE, ...PATIENCE })
  const ran = await suite.runAll()
  t.ok(ran.includes('settles with a record all before it in its partition'))
  t.ok(suite.leftOut.includes('keeps the records of a key in order'))
  t.equal(ran.length + suite.leftOut.length, new Set([...ran, ...suite.leftOut]).size)
})

for (const [name, breakage] of Object.entries(BREAKAGES)) {
  t.test(`an engine that ${name} fails the case about it`, async t => {
    const supports = { ...ALL, ...breakage.claims }
    const toys = (): ((store: string) => Promise<Engine>) => toyEngines({ ...supports, ...breakage.has })
    const shared = toys()
    const open = async (store: string): Promise<Engine> => {
      const toy = await (breakage.forgetsStores === true ? toys() : shared)(store)
      return broken({ ...toy, capabilities: supports }, breakage)
    }
    const suite = conformance({ open, supports, patienceMs: 60, quietMs: 5 })
    const found = suite.cases.find(each => each.name === breakage.case)
    await t.rejects(found?.run() ?? Promise.resolve(), { message: breakage.says })
    await suite.close()
  })
}

t.test('each case of the suite is failed by an engine that does what it is about wrong', async t => {
  const { cases, leftOut } = conformance({ open: toyEngines(ALL), supports: ALL })
  const about = new Set(Object.values(BREAKAGES).map(breakage => breakage.case))
  t.strictSame(
    [...cases.map(({ name }) => name), ...leftOut].filter(name => !about.has(name)),
    [],
  )
})

t.test('runAll says which cases failed, and why', async t => {
  const loses = BREAKAGES['loses a record'] as Breakage
  const open = async (store: string): Promise<Engine> => broken(await toyEngines(ALL)(store), loses)
  const error: unknown = await conformance({ open, supports: ALL, patienceMs: 60, quietMs: 5 })
    .runAll()
    .catch((thrown: unknown) => thrown)
  t.type(error, AggregateError)
  const { message, errors } = error as AggregateError
  t.match(message, /^\d+ of 30 cases failed:\n/)
  t.match(message, /neither loses nor doubles a record: .*some are lost/)
  t.ok(errors.every(each => each instanceof Error && each.cause instanceof Error))
})

t.test('what an engine does not claim is refused before the engine is asked', async t => {
  const toy = await toyEngines(LITTLE)('store')
  const refusing = {
    ...toy,
    topic: () => {
      throw new Error('it was asked')
    },
  }
  const wanted: readonly [object, RegExp][] = [
    [{ partitions: 2 }, /engine toy cannot give topic t 2 partitions: ask for 1 or fewer/],
    [{ durability: 'fsync' }, /the durability 'fsync': it has memory/],
    [{ messageBytesMax: 65_537 }, /messages of 65537 bytes: its largest have 65536/],
    [{ retentionMs: 1 }, /retention by time/],
    [{ retentionBytes: 65_536 }, /retention by bytes/],
    [{ needs: { order: 'key' } }, /order of keys/],
    [{ needs: { settlement: 'individual' } }, /settlement of single records/],
    [{ needs: { seek: ['time'] } }, /seek to time: it has none/],
    [{ needs: { lag: true } }, /the lag of its groups/],
    [{ needs: { redelivered: true } }, /a count of hand-outs/],
  ]
  for (const [each, message] of wanted)
    await t.rejects(openTopic(refusing, 't', each), { code: 'MILL_UNSUPPORTED', message })
  await t.rejects(openTopic(refusing, 't', { partitions: 1, durability: 'memory' }), { message: 'it was asked' })
})
