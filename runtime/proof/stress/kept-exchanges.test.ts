/**
 * Exchanges on disk that a broker of an earlier version left, closed or killed (kept-exchanges-child.fixture.ts): the next one finds all of them,
 * with their bindings, and routes by them. They are kept as that version wrote them.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openBroker } from '../../api/broker.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { verifyStore } from '../../log/folder/verify-store.ts'
import type { Queue } from '../../words/queue.ts'
import { exchangeFolders, unpack } from './kept-folder.fixture.ts'

const KEPT = exchangeFolders()
const EXCHANGES = [
  { name: 'events', type: 'topic', alternate: 'others', bindings: 4 },
  { name: 'others', type: 'fanout', alternate: null, bindings: 1 },
  { name: 'reports', type: 'headers', alternate: null, bindings: 1 },
]

async function valuesIn(queue: Queue<number>): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of queue.browse()) values.push(value)
  return values
}

for (const file of readdirSync(KEPT))
  t.test(file, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-kept-exchanges-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    unpack(join(KEPT, file), dir)
    t.strictSame([...verifyStore(new NodeDisk(), dir).findings], [], 'before it is opened')
    const broker = await openBroker({ dir, logger: false })
    t.teardown(() => broker.close())
    t.match(await broker.exchanges(), EXCHANGES)
    const events = await broker.exchange<number>('events')
    const headers = { format: 'pdf', size: '9', raw: Uint8Array.of(0, 255) }
    const routed = async (key: string): Promise<string[]> => (await events.route(key, headers)).toSorted()
    t.strictSame(await routed('orders.eu'), ['a', 'log'])
    t.strictSame(await routed('x.eu'), ['a'])
    t.strictSame(await routed('x.report'), ['b'])
    t.strictSame(await events.route('x.report', { format: 'pdf' }), [], 'its exchange takes it, and leads nowhere')
    t.strictSame(await routed('y'), ['b'], 'the alternate')
    t.strictSame((await events.publish('orders.eu', { value: 3 })).targets.toSorted(), ['a', 'log'])
    t.strictSame(await valuesIn(await broker.queue<number>('a')), [1, 2, 3])
    t.strictSame(await valuesIn(await broker.queue<number>('b')), [])
    const values: number[] = []
    for await (const { value } of (await broker.topic<number>('log')).replay()) values.push(value)
    t.strictSame(values, [1, 3])
  })
