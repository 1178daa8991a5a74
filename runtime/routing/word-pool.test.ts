import t from 'tap'
import { WordPool } from './word-pool.ts'

const hold = (pool: WordPool, word: string): number => pool.hold(word, 0, word.length)
const find = (pool: WordPool, word: string): number => pool.find(word, 0, word.length)

t.test('a word has one number for as long as somebody holds it', async t => {
  const pool = new WordPool()
  const eu = hold(pool, 'eu')
  t.equal(hold(pool, 'eu'), eu)
  t.equal(pool.find('orders.eu.paid', 7, 9), eu)
  t.equal(pool.find('orders.eu.paid', 7, 8), -1)
  pool.release(eu)
  t.equal(find(pool, 'eu'), eu)
  pool.release(eu)
  t.equal(find(pool, 'eu'), -1)
})

t.test('words that nobody holds take no room for long, and move no number', async t => {
  const pool = new WordPool()
  const kept = Array.from({ length: 500 }, (_, i) => `kept-${i}`)
  const numbers = kept.map(word => hold(pool, word))
  for (let round = 0; round < 200; round++) {
    const held = Array.from({ length: 500 }, (_, i) => hold(pool, `passing-${round}-${i}`))
    for (const number of held) pool.release(number)
  }
  t.strictSame(
    kept.map(word => find(pool, word)),
    numbers,
  )
  t.ok(pool.bytes < 100_000, `${pool.bytes} bytes`)
})
