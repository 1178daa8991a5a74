/** A short dose of what `npm run test:flash-sale` does; it is too short to judge memory. */
import t from 'tap'
import { flashSale } from '../stress/flash-sale.fixture.ts'

t.test(
  'a flash sale fills queues to their bounds and no further, and each sender meets what its `onFull` says',
  async t => {
    const { problems } = await flashSale({ seconds: 2, maxMessages: 50 })
    t.strictSame(problems, [])
  },
)
