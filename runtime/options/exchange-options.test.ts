/** Options of exchanges and what bindings go by: each mistake is answered by a code and a sentence that says what to do. */
import t from 'tap'
import type { ErrorCode } from '../words/error-codes.ts'
import type { MillraceError } from '../words/errors.ts'
import type { ExchangeType } from '../words/exchange.ts'
import { defineExchange } from './define.ts'
import { checkBinding, checkExchangeOptions } from './exchange-options.ts'
import { checkRouteOptions } from './publish-options.ts'

function thrown(call: () => unknown): MillraceError {
  try {
    call()
  } catch (error) {
    return error as MillraceError
  }
  throw new Error('it was not refused')
}

t.test('an exchange has a type and may have an alternate', async t => {
  t.match(checkExchangeOptions({ type: 'topic', alternate: 'rest' }), { type: 'topic', alternate: 'rest' })
  t.match(checkExchangeOptions(undefined), { type: undefined, alternate: undefined })
  t.strictSame(defineExchange('events', { type: 'fanout' }), { name: 'events', options: { type: 'fanout' } })
})

t.test('mistakes in the options of an exchange are named', async t => {
  const cases: readonly (readonly [unknown, ErrorCode, RegExp])[] = [
    [
      { type: 'topik' },
      'MILL_INVALID_OPTION',
      /`type` must be 'direct' or 'topic' or 'fanout' or 'headers', not "topik"/,
    ],
    [{ tpye: 'topic' }, 'MILL_UNKNOWN_OPTION', /`tpye`: did you mean `type`/],
    [{ type: 'topic', alternate: 7 }, 'MILL_INVALID_OPTION', /`alternate` must be the name of an exchange, not 7/],
    [{ type: 'topic', alternate: '../x' }, 'MILL_INVALID_NAME', /exchange name "..\/x"/],
    ['topic', 'MILL_INVALID_OPTION', /exchange options must be an object/],
  ]
  for (const [options, code, message] of cases)
    t.match(
      thrown(() => checkExchangeOptions(options)),
      { code, message },
    )
  t.match(
    thrown(() => defineExchange('a/b')),
    { code: 'MILL_INVALID_NAME' },
  )
})

t.test('a binding goes by what its exchange looks at', async t => {
  t.equal(checkBinding('fanout', 'x', undefined), '')
  t.equal(checkBinding('fanout', 'x', ''), '')
  t.equal(checkBinding('direct', 'x', 'error'), 'error')
  t.equal(checkBinding('direct', 'x', ''), '', 'an empty key is a key')
  t.equal(checkBinding('topic', 'x', 'a.*.#'), 'a.*.#')
  const bytes = Uint8Array.of(1)
  const match = checkBinding('headers', 'x', { match: 'any', headers: { a: 'b', raw: bytes, there: null } })
  bytes[0] = 2
  t.match(match, { match: 'any', headers: { a: 'b', raw: Uint8Array.of(1), there: null } })
  const hostile = checkBinding('headers', 'x', { match: 'all', headers: JSON.parse('{ "__proto__": "x" }') })
  t.strictSame(Object.keys((hostile as { headers: object }).headers), ['__proto__'])
})

t.test('mistakes in a binding are named', async t => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`h${n}`, null]))
  const cases: readonly (readonly [ExchangeType, unknown, ErrorCode, RegExp])[] = [
    ['fanout', 'orders.#', 'MILL_INVALID_OPTION', /type fanout and takes every message: bind without a pattern/],
    ['fanout', { match: 'all', headers: { a: 'b' } }, 'MILL_INVALID_OPTION', /bind without a condition/],
    ['topic', undefined, 'MILL_INVALID_OPTION', /bind by a pattern, such as 'orders.\*' or 'orders.#', not undefined/],
    [
      'topic',
      { match: 'all', headers: { a: 'b' } },
      'MILL_INVALID_OPTION',
      /type topic: bind by a pattern.*not an object/,
    ],
    ['topic', 7, 'MILL_INVALID_OPTION', /bind by a pattern.*not 7/],
    ['topic', /orders/, 'MILL_INVALID_OPTION', /not an object/],
    ['direct', null, 'MILL_INVALID_OPTION', /bind by a routing key, such as 'error', not null/],
    ['topic', 'x'.repeat(256), 'MILL_OUT_OF_RANGE', /a pattern has at most 255 bytes in UTF-8, not 256/],
    ['direct', 'é'.repeat(128), 'MILL_OUT_OF_RANGE', /a routing key has at most 255 bytes.*not 256/],
    ['topic', '\udc00', 'MILL_UNSERIALISABLE', /a pattern has half a surrogate pair/],
    ['headers', 'orders.#', 'MILL_INVALID_OPTION', /looks at no key: bind by \{ match: 'all', headers:/],
    ['headers', { headers: { a: 'b' } }, 'MILL_INVALID_OPTION', /`match` must be 'all' or 'any'.*not undefined/],
    ['headers', { match: 'al', headers: { a: 'b' } }, 'MILL_INVALID_OPTION', /`match` must be 'all' or .*not "al"/],
    ['headers', { mach: 'all', headers: { a: 'b' } }, 'MILL_UNKNOWN_OPTION', /`mach`: did you mean `match`/],
    ['headers', { match: 'all', a: 'b' }, 'MILL_UNKNOWN_OPTION', /`a`: known are `match`, `headers`/],
    ['headers', { match: 'all' }, 'MILL_INVALID_OPTION', /`headers` must be an object/],
    ['headers', { match: 'all', headers: {} }, 'MILL_INVALID_OPTION', /`headers` must have at least one header/],
    [
      'headers',
      { match: 'all', headers: { a: 7 } },
      'MILL_INVALID_OPTION',
      /"a" must be a string, a Uint8Array, or null.*not 7/,
    ],
    ['headers', { match: 'all', headers: { a: '\ud800' } }, 'MILL_UNSERIALISABLE', /"a" has half a surrogate pair/],
    ['headers', { match: 'all', headers: many }, 'MILL_OUT_OF_RANGE', /at most 64 headers, not 65/],
    [
      'headers',
      { match: 'all', headers: { a: 'x'.repeat(4_096) } },
      'MILL_OUT_OF_RANGE',
      /at most 4,096 bytes.*not 4,097/,
    ],
  ]
  for (const [type, by, code, message] of cases)
    t.match(
      thrown(() => checkBinding(type, 'events', by)),
      { code, message },
      `${type} ${JSON.stringify(by)?.slice(0, 40)}`,
    )
  t.equal(checkBinding('topic', 'x', 'x'.repeat(255)), 'x'.repeat(255))
})

t.test('a publish says what becomes of a message without a target', async t => {
  t.equal(checkRouteOptions(undefined).unroutable, 'reject')
  t.equal(checkRouteOptions({ unroutable: 'drop' }).unroutable, 'drop')
  t.match(
    thrown(() => checkRouteOptions({ unroutable: 'ignore' })),
    {
      code: 'MILL_INVALID_OPTION',
      message: /`unroutable` must be 'reject' or 'drop', not "ignore"/,
    },
  )
  t.match(
    thrown(() => checkRouteOptions({ mandatory: true })),
    { code: 'MILL_UNKNOWN_OPTION' },
  )
  t.match(
    thrown(() => checkRouteOptions({ unrouteable: 'drop' })),
    {
      code: 'MILL_UNKNOWN_OPTION',
      message: /did you mean `unroutable`/,
    },
  )
})
