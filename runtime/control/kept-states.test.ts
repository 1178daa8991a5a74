/** States that are kept by name, through losses of power. */
import t from 'tap'
import { Chance } from '../sim/chance.ts'
import { SimDisk } from '../sim/sim-disk.ts'
import { KeptStates } from './kept-states.ts'

const PLACE = { path: '/data/producers', logId: new Uint8Array(16) }

t.test('what is kept durably is there after any loss of power', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new SimDisk()
    disk.makeFolder('/data')
    const kept = new KeptStates<number>(disk, PLACE)
    kept.keepDurably('a', seed)
    kept.keep('a', 0, true)
    // Its end, without which its timer would keep the process; nothing reaches the disk any more.
    disk.powerCut(new Chance(seed))
    t.throws(() => kept.close())
    const next = new KeptStates<number>(disk, PLACE)
    t.ok([seed, 0].includes(next.get('a') as number), `seed ${seed}`)
    next.close()
  }
})
