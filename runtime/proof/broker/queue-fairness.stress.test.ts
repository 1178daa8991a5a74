/** A short dose of what `npm run test:queue-fairness` does. */
import t from 'tap'
import { fairness } from '../stress/queue-fairness.fixture.ts'

t.test('a consumer that is ten times as fast gets ten times as much', async t => {
  const { problems, share, best } = await fairness(1_500)
  t.strictSame(problems, [], `${share} of ${best}`)
})
