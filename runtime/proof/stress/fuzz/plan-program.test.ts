/** Plans come from their seed, and what occurred in a program from its history. */
import t from 'tap'
import { EXPECTED, EXPECTED_OF_KILLS, featuresOf } from './features.ts'
import { planProgram } from './plan-program.ts'
import { killed, LIFE, next } from './planted.fixture.ts'

t.test('the same seed gives the same plan', async t => {
  for (const seed of [1, 2, 77]) t.strictSame(planProgram(seed, true), planProgram(seed, true))
  t.notSame(planProgram(1, true), planProgram(2, true))
})

t.test('only plans with kills have kills, and never in their last life', async t => {
  const seeds = Array.from({ length: 300 }, (_, seed) => seed)
  t.ok(seeds.every(seed => planProgram(seed, true).lives.at(-1)?.kill === null))
  t.ok(seeds.every(seed => planProgram(seed, false).lives.every(({ kill }) => kill === null)))
  t.ok(seeds.some(seed => planProgram(seed, true).lives.some(({ kill }) => kill !== null)))
})

t.test('what occurred in a program is told by its history', async t => {
  const found = featuresOf([LIFE, { e: 'did', what: 'stall' }, killed, next])
  for (const feature of ['disk', 'stall', 'kill', 'kill after a stall', 'several lives'])
    t.ok(found.has(feature), feature)
  t.equal(new Set([...EXPECTED, ...EXPECTED_OF_KILLS]).size, EXPECTED.length + EXPECTED_OF_KILLS.length)
})
