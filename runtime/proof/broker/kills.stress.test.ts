/**
 * A short dose of what `npm run test:stress` does. Real threads.
 *
 * The gate runs `kills.js 0.1` besides (step `stress`), by the same fixtures: there the partition host dies also
 * beforeCommit and betweenRingAndReceipt, handlers die some dozen times under full load, and every oddity there is comes
 * once, of which here is one of each kind: a time-out, a crash, and a record that does not decode.
 */
import t from 'tap'
import { type KillOptions, type KillReport, runKills } from '../stress/kills.fixture.ts'
import { failureMode, restartWhileBlocked, timerMs } from '../stress/odd.fixture.ts'

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
    handlerKills: { starting: 1, executing: 3, committing: 1 },
    hostKills: { random: 1, betweenWindowAndRing: 1 },
    // Enough to have deliveries and receipts under way, and no more to be judged than that.
    batch: 40,
    restMs: 3,
  },
  ({ executing, points }) => Math.min(executing, points.betweenWindowAndRing ?? 0),
)

for (const oddity of ['spinLater', 'strayRejection', 'undecodable'] as const) {
  t.test(`a handler that fails by ${oddity} has its record dead-lettered, and no other`, async t => {
    t.strictSame((await failureMode(oddity)).problems, [])
  })
}

t.test('a timer of 5 ms that a handler awaits is not late for the sleep of its thread', async t => {
  // A thread that sleeps in Atomics.wait makes it a hundred, each time; a busy machine does so now and then.
  let median = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 5 && !(median < 60); turn++) median = (await timerMs(60)).median
  t.ok(median < 60, `${median} ms`)
})

t.test('a killed handler starts again while the main thread is blocked', async t => {
  const restarted = await restartWhileBlocked(600)
  t.ok(restarted > 0, `${restarted} ms`)
})
