/** The pieces of answers, put together again. */
import t from 'tap'
import { AnswerParts, requestNumber, TAGS, tagOf } from './answers.ts'

function pieces(bytes: Uint8Array, size: number): { before: number; all: number; bytes: Uint8Array }[] {
  const found: ReturnType<typeof pieces> = []
  for (let before = 0; before === 0 || before < bytes.length; before += size)
    found.push({ before, all: bytes.length, bytes: bytes.subarray(before, before + size) })
  return found
}

t.test('pieces of any size are whole again with the last one', async t => {
  for (const length of [0, 1, 7, 8, 9, 64])
    for (const size of [1, 3, 8, 64]) {
      const bytes = Uint8Array.from({ length }, (_, at) => at)
      const parts = new AnswerParts()
      const taken = pieces(bytes, size).map(piece => parts.take(piece))
      t.strictSame(taken.pop(), bytes)
      t.ok(taken.every(part => part === null))
    }
})

t.test('one whose beginning, or middle, did not come is lost, and the next one is not', async t => {
  const bytes = Uint8Array.from({ length: 9 }, (_, at) => at)
  const [first, second, third] = pieces(bytes, 3) as [never, never, never]
  const parts = new AnswerParts()
  t.strictSame(
    [second, third].map(piece => parts.take(piece)),
    [null, 'lost'],
  )
  t.strictSame(
    [first, third].map(piece => parts.take(piece)),
    [null, 'lost'],
  )
  t.strictSame(
    [first, second, first, second, third].map(piece => parts.take(piece)),
    [null, null, null, null, bytes],
  )
  t.strictSame(
    [first, first, second, third].map(piece => parts.take(piece)),
    [null, null, null, bytes],
  )
})

t.test('a number of a request tells its tag, and is whole', async t => {
  for (const tag of [1, 77, TAGS - 1])
    for (const number of [0, 5, 2 ** 32 - 1]) {
      const request = requestNumber(tag, number)
      t.ok(Number.isSafeInteger(request))
      t.equal(tagOf(request), tag)
    }
})
