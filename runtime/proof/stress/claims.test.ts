/**
 * Processes that deliver at most once from a topic on disk, killed by SIGKILL; and whether their judge would notice.
 *
 * One dies at a random moment, one at a point of its work; `crashes.js --claims 9`, which the gate runs (step `stress`), has
 * all points and paces.
 */
import t from 'tap'
import { IN_DOUBT_MAX } from '../../group/ceiling.ts'
import { ClaimOracle, claimDeaths } from './claims.fixture.ts'

t.test('no record is handed out twice across lives, and each death passes over no more than the bound', async t => {
  const { deaths, handed, missed, problems } = await claimDeaths(2, 'os', 0)
  t.strictSame(problems, [])
  t.ok(handed > 0, `${handed} were handed out`)
  t.ok(missed <= 3 * deaths * IN_DOUBT_MAX, `${missed} were not`)
})

t.test('the judge notices what comes twice, what is passed over without a death, and too much with one', async t => {
  const twice = new ClaimOracle()
  twice.hear(0, 0)
  twice.hear(0, 0)
  t.match(twice.problems, [/twice/, /after/])
  const unasked = new ClaimOracle()
  unasked.hear(0, 1)
  t.match(unasked.problems, [/1 records before 0\/1 were passed over, of at most 0/])
  const allowed = new ClaimOracle()
  allowed.died(60)
  allowed.hear(0, 1)
  t.strictSame(allowed.problems, [])
  allowed.died(0)
  allowed.hear(0, 2 + IN_DOUBT_MAX + 1)
  t.match(allowed.problems, [/passed over/])
})
