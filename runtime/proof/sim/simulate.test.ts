import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { simulate } from './simulate.ts'

/** Short ones: others take many times as long, and `npm run test:sim` runs thousands. */
const SEEDS = [2, 4, 5, 8]
const REPLAYED = 4

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
  for (const seed of SEEDS) {
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
  t.equal(`${hash} of ${inputs}`, hashes[SEEDS.indexOf(REPLAYED)])
  const kept = (): number => seen.filter(events => events.deref() !== undefined).length
  for (let turns = 0; turns < 50 && kept() > 0; turns++) await inTurn(collect)
  t.equal(kept(), 0)
})
