import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { simulate } from './simulate.ts'

const SEEDS = 8

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

t.test('replays a seed, also after others', async t => {
  const first = await inTurn(() => simulate(3))
  await inTurn(() => simulate(4))
  const again = await inTurn(() => simulate(3))
  t.same([again.hash, again.inputs], [first.hash, first.inputs])
  t.same(first.problems, [])
  t.ok(first.inputs >= 1_000)
})

t.test('lets go of the world of a seed that is over', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const seen: WeakRef<object>[] = []
  for (let seed = 1; seed <= SEEDS; seed++) seen.push(await inTurn(() => new WeakRef(simulate(seed).history.events)))
  // The last one is kept until the next.
  await inTurn(() => simulate(SEEDS + 1))
  const kept = (): number => seen.filter(events => events.deref() !== undefined).length
  for (let turns = 0; turns < 50 && kept() > 0; turns++) await inTurn(collect)
  t.equal(kept(), 0)
})
