/** Handlers with a cursor that die amid their records, a few dozen times; `npm run test:record-deaths` does it a thousand times. */
import t from 'tap'
import { folderOf } from '../fixtures/broker.fixture.ts'
import { runRecordDeaths } from '../stress/record-deaths.fixture.ts'

for (const [where, dir] of [
  ['in memory', () => null],
  ['on disk', (test: typeof t) => folderOf(test as never).dir],
] as const)
  t.test(`the record that the cursor stood on is charged, and no other, ${where}`, async t => {
    const { deaths, problems } = await runRecordDeaths(700, dir(t as never))
    t.strictSame(problems, [])
    t.ok(deaths >= 20, `${deaths} deaths`)
  })
