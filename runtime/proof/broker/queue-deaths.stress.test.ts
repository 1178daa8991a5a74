/** A short dose of what `npm run test:queue-deaths` does. Real threads. */
import t from 'tap'
import { runDeaths } from '../stress/queue-deaths.fixture.ts'

t.test('consumers of a queue and its host that die lose, repeat and share nothing', async t => {
  const report = await runDeaths({ consumers: 6, hosts: 2, ms: 20_000, threads: 2, prefetch: 10 })
  t.strictSame(report.problems, [])
  t.ok(report.consumers >= 6 && report.hosts >= 2 && report.letters > 0, JSON.stringify(report))
})
