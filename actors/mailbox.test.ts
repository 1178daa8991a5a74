import t from 'tap'
import { Mailbox } from './mailbox.ts'

t.test('gives messages back in order, across the wrap', async t => {
  const mailbox = new Mailbox<number>(3)
  let next = 0
  let expected = 0
  for (const [offers, takes] of [
    [3, 2],
    [2, 1],
    [1, 3],
    [3, 3],
  ] as const) {
    for (let i = 0; i < offers; i += 1) t.ok(mailbox.offer(next++))
    for (let i = 0; i < takes; i += 1) t.equal(mailbox.take(), expected++)
  }
  t.equal(mailbox.size, 0)
  t.equal(mailbox.take(), undefined)
})

t.test('refuses when full and changes nothing', async t => {
  const mailbox = new Mailbox<string>(1)
  t.ok(mailbox.offer('first'))
  t.notOk(mailbox.offer('second'))
  t.equal(mailbox.size, 1)
  t.equal(mailbox.take(), 'first')
})

t.test('wants a positive capacity', async t => {
  for (const capacity of [0, -1, 1.5, Number.NaN]) t.throws(() => new Mailbox(capacity), RangeError)
})
