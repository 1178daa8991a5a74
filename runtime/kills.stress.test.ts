/** A short dose of what `npm run test:stress` does. Real threads. */
import t from 'tap'
import { type KillOptions, type KillReport, runKills } from './stress/kills.fixture.ts'
import { failureMode, restartWhileBlocked, timerMs } from './stress/odd.fixture.ts'

function kills(title: string, options: KillOptions, judge: (report: KillReport) => number): void {
  t.test(title, async t => {
    const report = await runKills(options)
    t.strictSame(report.problems, [])
    t.ok(judge(report) > 0, JSON.stringify({ ...report, recoveryMs: undefined }))
  })
}

kills(
  'threads that are killed under load lose, repeat, skip and disorder nothing',
  {
    handlerKills: { starting: 1, executing: 4, committing: 1 },
    hostKills: { random: 1, beforeCommit: 1, betweenWindowAndRing: 1, betweenRingAndReceipt: 1 },
  },
  ({ executing, points }) => Math.min(executing, points.betweenWindowAndRing ?? 0),
)

for (const oddity of ['spin', 'spinLater', 'exitLater', 'strayRejection', 'undecodable'] as const) {
  t.test(`a handler that fails by ${oddity} has its record dead-lettered, and no other`, async t => {
    t.strictSame((await failureMode(oddity)).problems, [])
  })
}

t.test('a timer of 5 ms that a handler awaits is not late for the sleep of its thread', async t => {
  // A thread that sleeps in Atomics.wait makes it a hundred.
  const { median } = await timerMs()
  t.ok(median < 60, `${median} ms`)
})

t.test('a killed handler starts again while the main thread is blocked', async t => {
  const restarted = await restartWhileBlocked(1_000)
  t.ok(restarted > 0, `${restarted} ms`)
})
