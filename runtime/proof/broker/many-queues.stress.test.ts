/** A short dose of what `npm run test:many-queues` and `npm run test:churn -- --what queues` do. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { openBroker } from '../fixtures/broker.fixture.ts'
import { queueTurn } from '../stress/churn-queue.fixture.ts'
import { manyQueues } from '../stress/many-queues.fixture.ts'

t.test('many queues with default options fit into the default memory, work, and give it back', async t => {
  const { problems, usedMiB } = await manyQueues({
    queues: 120,
    senders: 20,
    consumers: 120,
    messages: 2_000,
    idleMs: 0,
  })
  t.strictSame(problems, [])
  // Of 512 MiB, and 500 of them are to fit.
  t.ok(usedMiB < (120 / 500) * 512, `${usedMiB} MiB`)
})

t.test('queues that come and go leave no block of memory behind', async t => {
  const broker = await openBroker(t)
  const lasting = await broker.queue<number>('lasting')
  const session = sessions.get(broker) as Session
  const problems: string[] = []
  const taken: string[] = []
  for (let turn = 0; turn < 12; turn++) {
    problems.push(...(await queueTurn(broker, lasting, turn)))
    const { blocks, usedBytes } = await session.ask(control => control.census())
    if (turn >= 4) taken.push(`${blocks} blocks, ${usedBytes} bytes`)
  }
  t.strictSame(problems, [])
  t.equal(new Set(taken).size, 1, [...new Set(taken)].join('; '))
})
