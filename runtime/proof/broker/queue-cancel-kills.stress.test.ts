/** A process that is killed as soon as it was told that a running message is cancelled: the message stays cancelled. Real processes. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { folderOf } from '../fixtures/broker.fixture.ts'

const CHILD = fileURLToPath(new URL('./fixtures/queue-cancel-child.fixture.js', import.meta.url))
const LIVES = 2

t.test('what was cancelled while it ran stays cancelled', async t => {
  const { dir, open } = folderOf(t)
  const cancelled: string[] = []
  for (let life = 1; life <= LIVES; life++) {
    const child = spawn(process.execPath, [CHILD, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
    let lines = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const [id = '', outcome] = line.split(' ')
      t.equal(outcome, 'cancelled')
      cancelled.push(id)
      if (++lines === life) child.kill('SIGKILL')
    }
  }
  const queue = await (await open()).queue('jobs')
  for (const id of cancelled) t.strictSame(await queue.explain(id), { state: 'settled' })
  const stats = await queue.stats()
  // Of the last one of a life nothing may have been told.
  t.ok(stats.cancelled >= cancelled.length && stats.cancelled <= cancelled.length + LIVES, `${stats.cancelled}`)
  t.match(stats, { acked: 0, deadLettered: 0, failures: 0, accepted: stats.cancelled + stats.ready + stats.purged })
})
