/** Records in hand: which verdicts count, and what is told and committed once a line is closed. */
import t from 'tap'
import { VERDICT } from '../link/link.ts'
import { delay } from '../proof/fixtures/broker.fixture.ts'
import { ToyIntake, ToySource } from '../reader/toy-intake.fixture.ts'
import { CommitLine, type Entry } from './commit-line.ts'

const ERROR = { name: 'Error', message: 'no', retriable: false }

function lineOver(records: number) {
  const source = new ToySource()
  source.records = records
  let woken = 0
  const rules = { retryOrder: 'none', serial: false } as const
  const line = new CommitLine({ wake: () => woken++ }, new ToyIntake(source, 5), rules)
  for (let n = 0; n < records; n++) line.take()
  const next = (): Entry => {
    const entry = line.lane.next(Number.MAX_SAFE_INTEGER)
    if (entry === null) throw new Error('none may go')
    line.handOut(entry)
    return entry
  }
  return { source, line, next, woken: () => woken }
}

t.test('only the verdict on the last failure of a record counts, and once', async t => {
  const { line, next } = lineOver(1)
  const retry = { epoch: 5, offset: 0, action: VERDICT.retry, failedAttempts: 1, delayMs: 0 }
  const goes = (): boolean => line.lane.hasNext(Number.MAX_SAFE_INTEGER)
  line.fail(next(), 'failed', ERROR)
  line.verdict({ ...retry, epoch: 4 })
  line.verdict({ ...retry, offset: 1 })
  t.notOk(goes(), 'of another reader, and on another record')
  line.verdict(retry)
  t.ok(goes())
  const again = next()
  line.verdict(retry)
  t.equal(again.stage, 'out', 'it came twice')
  line.fail(again, 'failed', ERROR)
  line.verdict(retry)
  t.notOk(goes(), 'it was on the failure before')
  line.verdict({ ...retry, failedAttempts: 2 })
  t.ok(goes())
})

t.test('what is skipped is settled, and the prefix is committed', async t => {
  const { source, line, next, woken } = lineOver(3)
  const [first, second, third] = [next(), next(), next()]
  line.settle(second)
  t.notOk(line.commit())
  line.fail(first, 'rejected', ERROR)
  line.verdict({ epoch: 5, offset: 0, action: VERDICT.skip, failedAttempts: 1, delayMs: 0 })
  t.equal(woken(), 1)
  t.ok(line.commit())
  t.notOk(line.commit(), 'nothing is new')
  t.equal(source.committed, 2)
  line.release(third)
  t.equal(next(), third)
})

t.test('once it is closed nothing is committed, no verdict counts, and no timer fires', async t => {
  const { source, line, next, woken } = lineOver(2)
  const [first, second] = [next(), next()]
  line.fail(second, 'failed', ERROR)
  line.settle(first)
  line.wakeAfter(5)
  line.close()
  line.verdict({ epoch: 5, offset: 1, action: VERDICT.skip, failedAttempts: 1, delayMs: 0 })
  line.wakeAfter(1)
  t.notOk(line.commit())
  await delay(30)
  t.same([source.committed, second.stage, woken()], [0, 'judged', 0])
})
