/** States that are kept by name, through losses of power. */
import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { SimDisk } from '../proof/sim/sim-disk.ts'
import { KeptStates } from './kept-states.ts'

const PLACE = { path: '/data/producers', logId: new Uint8Array(16) }

/** What a loss of power leaves of `a`, once that was done. */
function leftOf(seed: number, act: (kept: KeptStates<number>) => void): number | null {
  const disk = new SimDisk()
  disk.makeFolder('/data')
  const kept = new KeptStates<number>(disk, PLACE)
  act(kept)
  disk.powerCut(new Chance(seed))
  t.throws(() => kept.close())
  const next = new KeptStates<number>(disk, PLACE)
  next.close()
  return next.get('a')
}

t.test('the first state of a name is there after any loss of power, or a later one', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    t.equal(
      leftOf(seed, kept => kept.keep('a', 1, true)),
      1,
      `seed ${seed}`,
    )
    const left = leftOf(seed, kept => {
      kept.keep('a', 1, true)
      kept.keep('a', 2, true)
      kept.keep('a', 3, true)
    })
    t.ok(left !== null && left >= 1, `seed ${seed}: ${left}`)
  }
})

t.test('what is forgotten durably comes back after no loss of power', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    const left = leftOf(seed, kept => {
      kept.keep('a', 1, true)
      kept.forgetDurably(['a'])
    })
    t.equal(left, null, `seed ${seed}`)
  }
})

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
