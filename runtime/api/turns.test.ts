/** Work of one key goes in turn, also after a failure, and nothing is kept of keys without work. */
import t from 'tap'
import { Turns } from './turns.ts'

t.test('one after another for each key, and others beside it', async t => {
  const turns = new Turns()
  const seen: string[] = []
  const work =
    (name: string, fails = false) =>
    async (): Promise<void> => {
      seen.push(`${name} begins`)
      await new Promise(setImmediate)
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
    }
  const taken = [turns.take(1, work('first', true)), turns.take(1, work('second')), turns.take(2, work('other'))]
  t.equal(turns.busy, 2)
  t.match(
    (await Promise.allSettled(taken)).map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  const order = ['first begins', 'other begins', 'first ends', 'other ends', 'second begins', 'second ends']
  t.strictSame([...seen].sort(), [...order].sort())
  t.strictSame(
    seen.filter(line => !line.startsWith('other')),
    order.filter(line => !line.startsWith('other')),
  )
  t.ok(seen.indexOf('other begins') < seen.indexOf('first ends'), 'beside it')
  t.equal(turns.busy, 0)
})

t.test('work waits for what is before it, also when that had waited itself', async t => {
  const turns = new Turns()
  const ends: (() => void)[] = []
  const work = (): Promise<void> => new Promise(resolve => ends.push(resolve))
  const taken = [turns.take(1, work), turns.take(1, work)]
  await new Promise(setImmediate)
  t.equal(ends.length, 1)
  ends[0]?.()
  await new Promise(setImmediate)
  t.equal(ends.length, 2)
  taken.push(turns.take(1, work))
  await new Promise(setImmediate)
  t.equal(ends.length, 2, 'the second is not over')
  ends[1]?.()
  await new Promise(setImmediate)
  ends[2]?.()
  await Promise.all(taken)
  t.equal(turns.busy, 0)
})
