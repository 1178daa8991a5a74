/**
 * Requests with deaths, time-outs and slow handlers: each settles once, none hangs, none begins after its deadline, and one that runs gets its signal.
 *
 *   node dist/runtime/proof/stress/requests.js [--requests 100000] [--kills 200] [--hosts 20] [--threads 3]
 *
 * What is checked is in requests.fixture.ts. Fails when it finds anything.
 */
import { parseArgs } from 'node:util'
import { runRequests } from './requests.fixture.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '200' },
    hosts: { type: 'string', default: '20' },
    threads: { type: 'string', default: '3' },
    window: { type: 'string', default: '200' },
  },
})
const [requests, kills, hosts, threads, window] = [
  values.requests,
  values.kills,
  values.hosts,
  values.threads,
  values.window,
].map(Number) as [number, number, number, number, number]
const since = performance.now()
const report = await runRequests({ requests, kills, hosts, threads, window })
const seconds = (performance.now() - since) / 1_000
for (const problem of report.problems.slice(0, 20)) console.log(`FAILED ${problem}`)
console.log(
  `${requests} requests in ${seconds.toFixed(1)} s: ${JSON.stringify(report.ends)}; ${report.kills} threads and ${report.hosts} hosts were ended from outside; ` +
    `${report.heard} signals were heard; the latest began ${report.latestMs.toFixed(1)} ms after its deadline; ${report.problems.length} problems`,
)
process.exitCode = report.problems.length === 0 ? 0 : 1
