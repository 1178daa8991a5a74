import t from 'tap'
import { OpenRuns } from './open-runs.ts'

function observer(): { readonly told: string[]; failed(error: Error): void; closed(): void } {
  const told: string[] = []
  return { told, failed: error => told.push(error.message), closed: () => told.push('closed') }
}

t.test('a run that is said to have failed before anybody holds it is told when somebody does, and once', async t => {
  const runs = new OpenRuns()
  runs.failed(7, new Error('gone'))
  const [mine, other, later] = [observer(), observer(), observer()]
  runs.hold(6, other)
  runs.hold(7, mine)
  t.strictSame([mine.told, other.told], [['gone'], []])
  runs.letGo(7)
  runs.hold(7, later)
  t.strictSame(later.told, [])
})

t.test('remembers so many failures that nobody asks for, the newest ones', async t => {
  const runs = new OpenRuns()
  for (let run = 0; run < 1_000; run++) runs.failed(run, new Error(`${run}`))
  const [oldest, newest] = [observer(), observer()]
  runs.hold(0, oldest)
  runs.hold(999, newest)
  t.strictSame([oldest.told, newest.told], [[], ['999']])
})

t.test('tells those that are held, and no others, that the broker has failed or was closed', async t => {
  const runs = new OpenRuns()
  const [held, gone] = [observer(), observer()]
  runs.hold(1, held)
  runs.hold(2, gone)
  runs.letGo(2)
  t.strictSame(runs.numbers, [1])
  runs.allFailed(new Error('broken'))
  runs.allClosed()
  t.strictSame([held.told, gone.told], [['broken', 'closed'], []])
})
