/** After a sync that failed the system may show bytes that it no longer means to write. */
import t from 'tap'
import { recoverStore } from '../folder/recover-store.ts'
import { contentOf, entryOf, ORDERS, StoreBench } from './log-store.fixture.ts'

const TOPICS = new Map([[ORDERS.topic, { ...ORDERS, partitions: 2 }]])

for (const way of ['its host', 'all hosts'] as const) {
  t.test(`what a segment lost in a failed sync is written again from the journal, by ${way}`, async t => {
    const bench = new StoreBench()
    const store = bench.open({ journalBytes: 4096 })
    const log = store.partition(ORDERS, 0)
    bench.disk.fail({ operation: 'syncLater', path: /\.log$/ })
    while (!store.tend(0)) store.append([entryOf(log)])
    bench.sim.runLater()
    t.throws(() => store.append([entryOf(log)]), { name: 'DiskError', operation: 'syncLater' })
    const content = contentOf(bench.disk, log)
    store.close()
    // The same system goes on: what it shows is what it was given.
    if (way === 'all hosts') recoverStore(bench.disk, '/data', log.settings.logId, TOPICS, () => undefined)
    const next = bench.open({ journalBytes: 4096 })
    t.same(contentOf(bench.disk, next.partition(ORDERS, 0)), content)
    next.close()
    bench.losePower()
    t.same(contentOf(bench.disk, bench.open().partition(ORDERS, 0)), content)
  })
}
