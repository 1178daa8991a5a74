/** Whatever an error says, it fits into a settlement, and its beginning can be read there. */
import fc from 'fast-check'
import t from 'tap'
import { SETTLEMENT_ERROR_MAX } from '../link/link.ts'
import { type ErrorWire, toWire } from '../words/errors.ts'
import { errorText } from './error-text.ts'

const kept = (error: unknown, bytesMax = SETTLEMENT_ERROR_MAX): ErrorWire => {
  const text = errorText(toWire(error), bytesMax)
  t.ok(text.length <= bytesMax, `${text.length} bytes`)
  return JSON.parse(new TextDecoder().decode(text)) as ErrorWire
}

t.test('an ordinary error stays as it is', async t => {
  const error = toWire(new TypeError('no', { cause: new Error('why') }))
  t.strictSame(JSON.parse(new TextDecoder().decode(errorText(error, SETTLEMENT_ERROR_MAX))), error)
})

t.test('text that JSON makes six times as long keeps its beginning', async t => {
  for (const [name, letter] of Object.entries({ surrogate: '\ud800', control: '\u0001', quote: '"', slash: '\\' })) {
    const error = new Error(`it says ${letter.repeat(50_000)}`)
    const { message, stack = '' } = kept(error)
    t.ok(message.startsWith('it says ') && message.length > 1_000, `${name}: ${message.length} characters`)
    t.ok(stack.startsWith('Error: it says '), name)
  }
})

t.test('the first causes of an error are kept with what they begin with, and its message', async t => {
  const errors = Array.from({ length: 1_000 }, (_, n) => new Error(`${n} says ${'ü'.repeat(3_000)}`))
  const many = kept(new AggregateError(errors, `all: ${'x'.repeat(20_000)}`, { cause: new RangeError('why') }))
  t.match(many, { message: /^all: x{1000}/, cause: { name: 'RangeError', message: 'why' } })
  const messages = many.errors?.map(({ message }) => message.slice(0, 8)) ?? []
  t.ok(messages.length >= 3, `${messages.length} of them`)
  t.strictSame(
    messages,
    messages.map((_, n) => `${n} says ü`),
  )
})

t.test('any error fits', async () => {
  const unit = fc.oneof(fc.constantFrom('\ud800', '\u0000', '"', 'a', '€'), fc.string({ unit: 'binary' }))
  const texts = fc.tuple(fc.array(unit, { maxLength: 20 }), fc.nat(3_000)).map(([parts, n]) => parts.join('').repeat(n))
  fc.assert(
    fc.property(texts, texts, fc.constantFrom(4_096, 5_000, SETTLEMENT_ERROR_MAX), (message, name, bytesMax) => {
      const cause = Object.assign(new Error(message), { name, code: name })
      const errors = [new Error(message), cause, new Error(message, { cause })]
      const error = Object.assign(new AggregateError(errors, message, { cause }), { name, code: name })
      return errorText(toWire(error), bytesMax).length <= bytesMax
    }),
    { numRuns: 60 },
  )
})
