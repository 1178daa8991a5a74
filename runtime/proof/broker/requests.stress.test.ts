/** A short dose of what `npm run test:requests` does. Real threads. */
import t from 'tap'
import { runRequests } from '../stress/requests.fixture.ts'

t.test('requests settle once and in their time, whatever becomes of threads, hosts and handlers', async t => {
  const report = await runRequests({ requests: 1_500, kills: 4, hosts: 1, threads: 2, window: 50 })
  t.strictSame(report.problems, [])
  t.ok(report.ends.value && report.heard > 0, JSON.stringify(report))
})
