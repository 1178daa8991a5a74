/** The embedded engine passes the suite of engines, in memory and on disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { conformance } from '../engine/conformance/conformance.ts'
import { type Engine, openTopic } from '../engine/engine.ts'
import type { DeliveredRecord } from '../engine/records.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { isMillraceError } from '../words/errors.ts'
import { embeddedCapabilities, openEmbeddedEngine } from './embedded-engine.ts'

const MEMORY = { memoryMaxBytes: 256 * 1024 * 1024, logger: false } as const

function passes(place: 'memory' | 'disk', open: (store: string) => Promise<Engine>): void {
  const suite = conformance({ open, supports: embeddedCapabilities(place), patienceMs: 20_000, quietMs: 40 })
  for (const { name, run } of suite.cases) t.test(`${place}: ${name}`, run)
  t.test(`${place}: closes`, () => suite.close())
  t.test(`${place}: the rest of the suite is of what it does not claim`, async t => {
    const left = ['settles with a record all before it in its partition']
    t.strictSame(suite.leftOut, place === 'disk' ? left : ['keeps records and settlements over a close', ...left])
  })
}

passes('memory', () => openEmbeddedEngine(MEMORY))

const folder = mkdtempSync(join(tmpdir(), 'millrace-engine-'))
t.teardown(() => rmSync(folder, { recursive: true }))
passes('disk', store => openEmbeddedEngine({ ...MEMORY, dir: join(folder, store) }, { journalBytes: 1_024 * 1_024 }))

t.test('a batch of which only a part was appended says which part is in doubt', async t => {
  const engine = await openEmbeddedEngine(MEMORY)
  t.teardown(() => engine.close(2_000))
  const topic = await openTopic(engine, 'full')
  const taken: DeliveredRecord[] = []
  const receiver = {
    window: 1,
    take: (record: DeliveredRecord) => void taken.push(record),
    revoked: () => undefined,
    failed: () => undefined,
  }
  const membership = await topic.group('g', 'earliest').join(receiver)
  const record = { key: null, value: new Uint8Array(65_536), headers: [], timestampMs: 1, partition: null }
  const batch = Array.from({ length: 64 }, () => record)
  const controller = new AbortController()
  const publishing = topic.publish(batch, controller.signal)
  let appended = 0
  await until(async () => {
    const before = appended
    appended = await topic.group('g', 'earliest').lag()
    return taken.length > 0 && appended > 0 && appended === before
  }, 'the topic is full')
  controller.abort()
  const error: unknown = await publishing.catch((thrown: unknown) => thrown)
  if (!isMillraceError(error, 'MILL_UNPUBLISHED')) throw error
  t.match(error.message, /of 64 records were not published to topic full/)
  t.strictSame(error.unpublished, [])
  t.ok(error.unknown.length > 0 && error.unknown.length < 64, `${error.unknown.length} are in doubt`)
  t.equal(taken.length, 1)
  await membership.leave()
  t.ok((await topic.group('g', 'earliest').lag()) >= 64 - error.unknown.length)
})

t.test('a topic of the port has what was asked, within what the engine claims', async t => {
  const engine = await openEmbeddedEngine(MEMORY)
  t.teardown(() => engine.close(2_000))
  await t.rejects(openTopic(engine, 'far', { durability: 'fsync' }), {
    code: 'MILL_UNSUPPORTED',
    message: /it has memory/,
  })
  await t.rejects(openTopic(engine, '../x'), { code: 'MILL_INVALID_NAME' })
})
