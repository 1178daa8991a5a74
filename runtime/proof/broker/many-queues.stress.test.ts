/** A short dose of what `npm run test:many-queues` and `npm run test:churn -- --what queues` do. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { openBroker } from '../fixtures/broker.fixture.ts'
import { queueTurn } from '../stress/churn-queue.fixture.ts'
import { manyQueues } from '../stress/many-queues.fixture.ts'

t.test('many queues with default options fit into the default memory, work, and give it back', async t => {
  const turn = { senders: 20, messages: 2_000, idleMs: 0 }
  const few = await manyQueues({ ...turn, queues: 40, consumers: 40 })
  const more = await manyQueues({ ...turn, queues: 80, consumers: 80 })
  t.strictSame([...few.problems, ...more.problems], [])
  // Of 512 MiB, and 500 of them are to fit. The first ones have more than those that come later.
  const each = (more.usedMiB - few.usedMiB) / 40
  t.ok(more.usedMiB + 420 * each < 512, `${few.usedMiB} and ${more.usedMiB} MiB`)
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
