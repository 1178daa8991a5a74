/** A process that leaves queues on disk in a folder, closed or killed: what kept-queues.test.ts expects of them is said there. */
import { createBroker } from '../../index.ts'

const COUNT = 120
const [dir = '', how = ''] = process.argv.slice(2)
const broker = await createBroker({ dir, logger: false })
const jobs = await broker.queue<number>('jobs', {
  codec: 'json',
  priorities: 3,
  attempts: 3,
  backoff: { initialMs: 600_000, maxMs: 600_000, jitter: 0 },
})
const plain = await broker.queue<string>('plain', { codec: 'string', durability: 'os' })
for (let number = 0; number < COUNT; number++)
  await jobs.send({ value: number, priority: number % 3, key: `k${number % 5}`, headers: { number: `${number}` } })
await plain.sendBatch(Array.from({ length: 50 }, (_, number) => ({ value: `plain ${number}` })))
let seen = 0
for await (const delivery of jobs.consume({ prefetch: 1 })) {
  seen++
  if (seen === 10) delivery.nack(new Error('not now'))
  else if (seen === 11) delivery.reject('never')
  else delivery.ack()
  if (seen <= 30) await delivery.confirmed
  if (seen === 30) break
}
for await (const delivery of plain.consume({ prefetch: 1 })) {
  delivery.ack()
  await delivery.confirmed
  if (delivery.value === 'plain 9') break
}
if (how === 'killed') {
  // Out at the death of the process.
  const held = await jobs.consume({ prefetch: 2 }).next()
  if (held.done === true) throw new Error('there is no message')
  process.kill(process.pid, 'SIGKILL')
} else await broker.close()
