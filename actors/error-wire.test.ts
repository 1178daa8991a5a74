import t from 'tap'
import { fromWire, setErrorWire, toWire } from './error-wire.ts'

t.afterEach(() => setErrorWire())

t.test('keeps name, message, stack, code and causes across a clone', async t => {
  const error = Object.assign(new RangeError('outer', { cause: new TypeError('inner') }), { code: 'X' })
  const back = fromWire(structuredClone(toWire(error)))
  t.type(back, Error)
  t.match(back, {
    name: 'RangeError',
    message: 'outer',
    stack: error.stack,
    code: 'X',
    cause: { name: 'TypeError', message: 'inner' },
  })
})

t.test('makes data of whatever was thrown', async t => {
  for (const thrown of [undefined, null, 'text', 7, { odd: () => {} }, Symbol('s')]) {
    const wire = toWire(thrown)
    t.same(structuredClone(wire), wire)
    t.equal(wire.name, 'NonError')
  }
  const circular = new Error('circular')
  circular.cause = circular
  t.same(structuredClone(toWire(circular)), toWire(circular), 'a circle of causes is cut')
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('hostile')
    },
  })
  t.equal(toWire(hostile).message, 'an error that cannot be read')
})

t.test('uses the pair that was set, and the plain one when that throws', async t => {
  setErrorWire({ toWire: () => ({ name: 'Mine', message: 'mine' }), fromWire: wire => wire.message })
  t.same(toWire(new Error('x')), { name: 'Mine', message: 'mine' })
  t.equal(fromWire({ name: 'Mine', message: 'mine' }), 'mine')
  setErrorWire({
    toWire: () => {
      throw new Error('broken')
    },
    fromWire: wire => wire,
  })
  t.match(toWire(new Error('x')), { message: 'x' })
})
