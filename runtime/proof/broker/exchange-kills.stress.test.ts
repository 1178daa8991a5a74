/** Processes that bind, unbind and publish by exchanges on disk, and are killed: the whole of exchange-kills.ts on one folder. Real processes. */
import t from 'tap'
import { killExchanges } from '../stress/exchange-kills.fixture.ts'

t.test('confirmed messages are in all of their targets once, and bindings are as they were answered', async t => {
  const oracle = await killExchanges(3, () => undefined)
  t.strictSame(oracle.problems, [])
  t.ok(oracle.confirmedInSeveral > 30, `${oracle.confirmedInSeveral} confirmed in several targets`)
  t.ok(oracle.changed > 10, `${oracle.changed} bindings changed`)
})
