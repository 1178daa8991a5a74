import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { knownKeys } from './known-keys.ts'

/** The key as it stands in a fetch, with what another record has left around it. */
function read(key: string, chance: Chance, start = 4 * chance.below(4)): string {
  const bytes = Buffer.from(key)
  const words = new Int32Array(start / 4 + 20)
  const buffer = Buffer.from(words.buffer)
  for (let at = 0; at < buffer.length; at++) buffer[at] = chance.below(256)
  bytes.copy(buffer, start)
  return knownKeys.textOf(buffer, words, start, bytes.length)
}

t.test('each key is read as it is, whatever was read before and stands beside it', async t => {
  const chance = new Chance(1)
  const letters = ['', 'a', 'b', '0', '\0', 'é', '東', '\uffff']
  for (let count = 0; count < 20_000; count++) {
    let key = ''
    for (let length = chance.below(8); length > 0; length--) key += chance.pick(letters)
    const text = read(key, chance)
    if (text !== key) return t.fail(`${JSON.stringify(key)} was read as ${JSON.stringify(text)}`)
  }
  for (const length of [11, 12, 13, 40]) t.equal(read('x'.repeat(length), chance), 'x'.repeat(length))
  t.not(read('ab', chance), read('ab\0', chance))
})

t.test('of keys that fall on one slot the later one stays, and both are read', async t => {
  const chance = new Chance(2)
  // More than there are slots.
  const keys = Array.from({ length: 5_000 }, (_, n) => `key-${n}`)
  for (let round = 0; round < 2; round++) t.ok(keys.every(key => read(key, chance) === key))
})
