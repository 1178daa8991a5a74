/** What becomes of the control thread when partition hosts end more often than they may. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sessions } from '../api/broker.ts'
import type { Session } from '../embedded/session.ts'
import { delay, folderOf, openBroker, rejection, standStill, until } from '../proof/fixtures/broker.fixture.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { MillraceError } from '../words/errors.ts'

const HANDLER = new URL('./fixtures/faults.fixture.js', import.meta.url)

t.test(
  'a handler thread that is being fenced when the hosts give up does not take the control thread with it',
  async t => {
    const crashed: string[] = []
    // Threads are heard here that nobody else may look at.
    const listen = (worker: { on(event: 'error', listener: (error: Error) => void): unknown }): void =>
      void worker.on('error', error => crashed.push(error.message))
    process.on('worker', listen)
    const broker = await openBroker(t, { partitionThreads: 1, restart: { intensity: 0, periodMs: 60_000 } })
    process.off('worker', listen)
    const codes = new Set<unknown>()
    broker.on('failed', ({ error }) => codes.add((error as MillraceError).code))
    const topic = await broker.topic<string>('orders')
    const data = { words: new Int32Array(new SharedArrayBuffer(256)) }
    await topic.group('g').run({ handler: HANDLER, threads: 1, data })
    const killed = (sessions.get(broker) as Session).ask(control =>
      control.killPartitionHost(0, FAULT_POINT.beforeCharge),
    )
    killed.catch(() => undefined)
    await topic.publish({ value: 'exitLater' })
    // While this thread stands still, nobody ends the control thread before it has heard of everything.
    standStill(1_500)
    await until(() => codes.size > 0)
    t.strictSame([...codes], ['MILL_GAVE_UP'])
    await delay(100)
    t.strictSame(crashed, [])
  },
)

t.test('damage that a partition host meets as it starts is what the broker says', async t => {
  for (const name of ['host-0.groups', 'host-0.letters']) {
    const { dir, open } = folderOf(t)
    await (await open()).close()
    const path = join(dir, name)
    const bytes = readFileSync(path)
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)
    writeFileSync(path, bytes)
    t.match(await rejection(open()), { code: 'MILL_CORRUPT', message: new RegExp(path) })
    t.match(await rejection(open()), { code: 'MILL_CORRUPT', message: /Restore the file from a copy/ })
  }
})
