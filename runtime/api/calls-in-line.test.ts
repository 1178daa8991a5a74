/** Calls that are made many at once: order, bounds, and what a failed one leaves. */
import t from 'tap'
import { CallsInLine } from './calls-in-line.ts'

t.test('calls are made in order, 512 at a time, and a failed one lets the next follow', async t => {
  const line = new CallsInLine()
  const made: number[] = []
  const answers: ((error: Error | null) => void)[] = []
  const call = (n: number): Promise<number> =>
    line.make(() => {
      made.push(n)
      return new Promise((resolve, reject) => answers.push(error => (error === null ? resolve(n) : reject(error))))
    })
  const all = Array.from({ length: 1_000 }, (_, n) => call(n).catch((error: Error) => error.message))
  await new Promise(setImmediate)
  t.equal(made.length, 512)
  answers[0]?.(new Error('refused'))
  await new Promise(setImmediate)
  t.equal(made.length, 513)
  for (let n = 1; n < 1_000; n++) {
    answers[n]?.(null)
    if (n % 100 === 0) await new Promise(setImmediate)
  }
  await new Promise(setImmediate)
  for (const answer of answers) answer(null)
  t.strictSame(await Promise.all(all), ['refused', ...Array.from({ length: 999 }, (_, n) => n + 1)])
  t.strictSame(
    made,
    Array.from({ length: 1_000 }, (_, n) => n),
  )
})

t.test('more than may wait are refused', async t => {
  const line = new CallsInLine()
  const pending = (): Promise<void> => new Promise(() => undefined)
  for (let n = 0; n < 100_512; n++) void line.make(pending)
  await t.rejects(line.make(pending), { code: 'MILL_FULL' })
})
