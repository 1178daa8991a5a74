import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { simulate } from './simulate.ts'

const SEEDS = 4
const REPLAYED = 3

/** From a turn of its own: in a microtask those of the simulation would not run. */
function inTurn<T>(run: () => T): Promise<T> {
  return new Promise((resolve, reject) =>
    setImmediate(() => {
      try {
        resolve(run())
      } catch (error) {
        reject(error)
      }
    }),
  )
}

t.test('lets go of the world of a seed that is over, and replays a seed, also after others', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const seen: WeakRef<object>[] = []
  const hashes: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { hash, inputs } = await inTurn(() => {
      const { history, hash, inputs, problems } = simulate(seed)
      seen.push(new WeakRef(history.events))
      t.same(problems, [], `seed ${seed}`)
      return { hash, inputs }
    })
    hashes.push(`${hash} of ${inputs}`)
    if (seed === REPLAYED) t.ok(inputs >= 1_000)
  }
  // The last one is kept until the next.
  const { hash, inputs } = await inTurn(() => simulate(REPLAYED))
  t.equal(`${hash} of ${inputs}`, hashes[REPLAYED - 1])
  const kept = (): number => seen.filter(events => events.deref() !== undefined).length
  for (let turns = 0; turns < 50 && kept() > 0; turns++) await inTurn(collect)
  t.equal(kept(), 0)
})
