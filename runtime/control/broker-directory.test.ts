/** What exists in a folder, on a disk that fails. */
import t from 'tap'
import { FaultyDisk } from '../log/disk/faulty-disk.fixture.ts'
import { SimDisk } from '../proof/sim/sim-disk.ts'
import { BrokerDirectory } from './broker-directory.ts'

t.test('a write that fails says which file, with a code that callers know', async t => {
  const disk = new FaultyDisk(new SimDisk())
  const directory = new BrokerDirectory(disk, '/data')
  disk.fail({ operation: 'write', path: /catalog/, errno: 'ENOSPC', times: Number.POSITIVE_INFINITY })
  const said = { code: 'MILL_DISK', message: /catalog failed with ENOSPC/ }
  t.throws(() => directory.groups.keep(1, 'g', [2]), said)
  t.throws(() => directory.reserveIds(1_000), said, 'and again')
})
