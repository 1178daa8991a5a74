/** Numbers by offset, against a map, with offsets near each other and far apart. */
import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { OffsetMap } from './offset-map.ts'

t.test('each offset has the number that it was given, until it is deleted', async t => {
  const problems: string[] = []
  for (let seed = 1; seed <= 20; seed++) {
    const chance = new Chance(seed)
    const map = new OffsetMap()
    const model = new Map<number, number>()
    const bases = [0, 4_096, 2 ** 31 - 20, 2 ** 32 - 20, 2 ** 50]
    const spread = chance.pick([1, 16, 4_096])
    const any = (): number => chance.pick(bases) + chance.below(chance.pick([20, 2_000])) * spread
    for (let step = 0; step < 6_000; step++) {
      const offset = chance.happens(0.7) ? any() : (chance.pick([...model.keys()].slice(0, 50)) ?? 0)
      if (map.get(offset) !== (model.get(offset) ?? -1)) problems.push(`seed ${seed}: ${offset} has ${map.get(offset)}`)
      const grows = step < 2_000 || (step > 4_000 && step < 5_000)
      if (model.has(offset)) {
        if (grows) continue
        map.delete(offset)
        model.delete(offset)
      } else if (grows || chance.happens(0.2)) {
        const number = chance.pick([0, 1, 2 ** 31 - 2, step])
        map.set(offset, number)
        model.set(offset, number)
      }
      if (map.size !== model.size) problems.push(`seed ${seed}: ${map.size} of ${model.size}`)
    }
    for (const [offset, number] of model) {
      if (map.get(offset) !== number) problems.push(`seed ${seed}: at last ${offset} has ${map.get(offset)}`)
      map.delete(offset)
    }
    if (map.size !== 0) problems.push(`seed ${seed}: ${map.size} are left`)
  }
  t.strictSame(problems, [])
})
