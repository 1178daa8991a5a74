/**
 * Queues on disk that a broker of an earlier version left, closed or killed (kept-queues-child.fixture.ts): the next one finds all of them,
 * and they go on. They are kept as that version wrote them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBroker } from '../../api/broker.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { verifyStore } from '../../log/folder/verify-store.ts'
import { FOLDER_VERSION, IDENTITY_NAME } from '../../log/store/identity.ts'
import type { Broker } from '../../words/broker.ts'
import { queueFolders, unpack } from './kept-folder.fixture.ts'

const KEPT = queueFolders()
const COUNT = 120
/** By priority, and of one priority in order: 30 were handed out, of which one failed and one was rejected. */
const HANDED_OUT = Array.from({ length: 30 }, (_, at) => 3 * at + 2)
const [FAILED, REJECTED] = [29, 32]

async function theyGoOn(t: Test, broker: Broker): Promise<void> {
  const jobs = await broker.queue<number>('jobs')
  const plain = await broker.queue<string>('plain')
  t.match(await jobs.stats(), { accepted: COUNT, acked: 28, deadLettered: 1, unacked: 0, failures: 2, scheduled: 0 })
  t.match(await plain.stats(), { accepted: 50, acked: 10, ready: 40 })
  for await (const { value, reason, key, headers } of broker.deadLetters<number>('jobs').browse()) {
    const { number } = headers
    t.strictSame([value, reason, key, number], [REJECTED, 'rejected', 'k2', '32'])
  }
  const left = Array.from({ length: COUNT }, (_, number) => number).filter(
    number => number === FAILED || !HANDED_OUT.includes(number),
  )
  let waits = false
  const seen: number[] = []
  for await (const { value, priority, explanation } of jobs.browse()) {
    seen.push(value)
    t.equal(priority, value % 3)
    t.match(explanation, value === FAILED ? { deliveryAttempts: 1, failedAttempts: 1 } : { failedAttempts: 0 })
    if (explanation.state === 'retrying') waits = true
  }
  t.strictSame(seen, left)
  // What a broker of that version could not be told.
  await jobs.send({ value: 1_000, delayMs: 1 })
  await plain.send({ value: 'late', delayMs: 1, ttlMs: 600_000 })
  const handled: number[] = []
  const run = await jobs.handle(({ value }) => void handled.push(value))
  const expected = left.length + 1 - (waits ? 1 : 0)
  while (handled.length < expected) await new Promise(resolve => setTimeout(resolve, 5))
  t.strictSame(
    handled.toSorted((a, b) => a - b),
    [...left, 1_000].filter(value => !waits || value !== FAILED),
  )
  const before = handled.filter(value => value < 1_000 && value !== FAILED)
  t.strictSame(
    before,
    before.toSorted((a, b) => (b % 3) - (a % 3) || a - b),
    'by priority, and in order',
  )
  await run.stop()
  const others: string[] = []
  for await (const { value } of plain.consume()) {
    others.push(value)
    if (others.length === 41) break
  }
  t.strictSame(others, [...Array.from({ length: 40 }, (_, at) => `plain ${at + 10}`), 'late'])
}

for (const file of readdirSync(KEPT))
  t.test(file, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-kept-queues-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    unpack(join(KEPT, file), dir)
    t.strictSame([...verifyStore(new NodeDisk(), dir).findings], [], 'before it is opened')
    for (const life of [1, 2]) {
      const broker = await openBroker({ dir, logger: false })
      try {
        if (life === 1) await theyGoOn(t, broker)
        else t.match(await (await broker.queue('jobs')).stats(), { accepted: COUNT + 1, deadLettered: 1, ready: 0 })
      } finally {
        await broker.close()
      }
    }
    t.equal(readFileSync(join(dir, IDENTITY_NAME)).readUInt32LE(4), FOLDER_VERSION, 'earlier versions refuse it now')
    t.strictSame([...verifyStore(new NodeDisk(), dir).findings], [])
  })
