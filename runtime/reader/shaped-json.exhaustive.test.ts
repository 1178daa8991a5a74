/** Whatever the text, and whatever was learnt before: the reader says what JSON.parse says, or nothing. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import { codecOf } from '../words/codec.ts'
import { damaged, family } from './json-samples.fixture.ts'
import { shapedReader, UNKNOWN } from './shaped-json.ts'
import { ValueShapes } from './value-shapes.ts'

const FAMILIES = 2_000
const TEXTS = 250

/** The value that JSON.parse reads; UNKNOWN: it refuses the text. */
function parsed(buffer: Buffer, start: number, end: number): unknown {
  try {
    return codecOf('json').decode(buffer, start, end)
  } catch {
    return UNKNOWN
  }
}

/** A text of one of the families, and some are damaged. */
function textOf(chance: Chance, makes: readonly (() => unknown)[]): Buffer {
  const text = Buffer.from(JSON.stringify(chance.pick(makes)()))
  return chance.happens(0.3) ? damaged(chance, text) : text
}

/** Whether they are the same to the sign of a zero and the order of keys. */
function areSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) && JSON.stringify(a) === JSON.stringify(b)
}

t.test('what is read is what JSON.parse reads, and what JSON.parse refuses is never read', async t => {
  let [texts, read, refused] = [0, 0, 0]
  for (const seed of drawn(FAMILIES)) {
    const chance = new Chance(seed)
    const makes = [family(chance), family(chance)]
    const parts = Array.from({ length: TEXTS }, () => textOf(chance, makes))
    const buffer = Buffer.concat(parts)
    const shapes = new ValueShapes()
    let start = 0
    for (const { length } of parts) {
      const end = start + length
      const value = shapedReader.read(shapes.root, buffer, start, end)
      const wanted = parsed(buffer, start, end)
      if (value !== UNKNOWN && !areSame(value, wanted)) {
        const text = JSON.stringify(buffer.toString('latin1', start, end))
        return t.fail(`seed ${seed}: ${text} is read as ${JSON.stringify(value)}`)
      }
      if (wanted !== UNKNOWN) shapes.learn(wanted)
      start = end
      texts++
      if (value !== UNKNOWN) read++
      if (wanted === UNKNOWN) refused++
    }
  }
  t.comment(`${texts} texts, of which ${read} were read and ${refused} were refused`)
  t.ok(read > texts * 0.5 && refused > texts * 0.05)
})
