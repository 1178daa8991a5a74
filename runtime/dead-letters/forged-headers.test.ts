/** Headers that publishers send under names of the broker's own. */
import t from 'tap'
import { RejectError } from '../index.ts'
import { newTopic, sharedBroker } from '../shared-broker.fixture.ts'

t.test('headers that a publisher calls by our names spoil no letter', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const headers = { mine: 'x', 'millrace-replayed': '99', 'millrace-reason': 'fake', 'millrace-topic': 'other' }
  await topic.publish({ value: 1, headers })
  await run.idle()
  const letters = broker.deadLetters<number>(topic)
  for (const replayed of [0, 1, 2]) {
    for await (const letter of letters.browse())
      t.match(letter, { topic: topic.name, group: 'g', reason: 'rejected', replayed, headers: { mine: 'x' } })
    t.match(await letters.replay({}, { replaysMax: 2 }), {
      replayed: replayed < 2 ? 1 : 0,
      parked: replayed < 2 ? 0 : 1,
    })
    await run.idle()
  }
})
