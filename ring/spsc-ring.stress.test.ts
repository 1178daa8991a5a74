/** Two threads, one ring: every record whole, in order, none lost, and no wake-up lost. */
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Hose, HoseReport } from './hose.fixture.ts'
import { BELL_BYTES, RING_HEAD, RING_TAIL, ringBytes } from './layout.ts'
import { Memory } from './memory.ts'

const BELLS = [128, 128 + BELL_BYTES] as const
const RING = 128 + 2 * BELL_BYTES

function runEnd(hose: Hose): Promise<HoseReport> {
  const worker = new Worker(new URL('./hose.fixture.js', import.meta.url), { workerData: hose, execArgv: [] })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

for (const [capacity, start] of [
  [1_024, 0x7ffffc00],
  [131_072, 0xfffe0000 | 0],
] as const) {
  t.test(`passes records between two threads whole and in order, ${capacity} bytes`, async t => {
    const memory = Memory.allocate(RING + ringBytes(capacity))
    for (const word of [RING_TAIL, RING_HEAD]) memory.store(RING + word, start)
    const hose = { buffer: memory.buffer, ring: RING, capacity, bells: BELLS, ms: 1_000 } as const
    const [read, written] = await Promise.all([runEnd({ ...hose, end: 'reads' }), runEnd({ ...hose, end: 'writes' })])
    t.equal(read.fault, null)
    t.equal(read.records, written.records)
    t.equal(read.bytes, written.bytes)
    t.ok(read.records > 1_000, `${read.records} records`)
    t.equal(read.overslept + written.overslept, 0)
    t.comment(`${read.records} records; sleeps: writer ${written.sleeps}, reader ${read.sleeps}`)
  })
}
