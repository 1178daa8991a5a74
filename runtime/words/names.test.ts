import t from 'tap'
import { checkName, show } from './names.ts'

t.test('plain ASCII names are allowed', async t => {
  const names = [
    'a',
    'orders',
    'Orders.v2_x-1',
    '...',
    '.hidden',
    'x'.repeat(200),
    '__proto__',
    'constructor',
    'CONSOLE',
    'com',
    'com0',
    'COM10',
    'a.con',
  ]
  for (const name of names) t.equal(checkName('topic', name), name)
})

t.test('names that are unsafe anywhere are refused', async t => {
  const names = [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    'a\0',
    '%2e',
    'x'.repeat(201),
    '\ud800',
    'é',
    'а',
    'a b',
    'a\n',
    '\na',
    'a:b',
    'CON',
    'con',
    'Prn',
    'AUX',
    'nul',
    'COM1',
    'lpt9',
    'con.txt',
    'NUL.tar.gz',
    'com1.',
  ]
  for (const name of names)
    t.throws(() => checkName('group', name), { code: 'MILL_INVALID_NAME' }, JSON.stringify(name))
})

t.test('what is no string is refused', async t => {
  for (const name of [undefined, null, 5, {}, ['a'], Symbol('a'), new String('a')]) {
    t.throws(() => checkName('topic', name), { code: 'MILL_INVALID_NAME' })
  }
})

t.test('the message names the kind, the bad name and what is allowed', async t => {
  t.throws(() => checkName('group', 'a/\u202eb'), {
    message: /^group name "a\/\\u202eb" is not allowed: use 1 to 200 of .* A-Z a-z 0-9 \. _ -/,
  })
})

t.test('values are shown on one short ASCII line', async t => {
  t.equal(show('a"b\n'), '"a\\"b\\n"')
  t.equal(show('é\ud800'), '"\\u00e9\\ud800"')
  t.ok(show('x'.repeat(1e6)).length < 100)
  t.same([undefined, null, 5, 5n, [], {}, () => 1, Symbol('s')].map(show), [
    'undefined',
    'null',
    '5',
    'a BigInt',
    'an array',
    'an object',
    'a function',
    'a symbol',
  ])
  const kinds = [
    Promise.resolve(),
    new Date(0),
    new Date(Number.NaN),
    new Map(),
    new Set(),
    new Error('x'),
    Buffer.alloc(1),
  ]
  t.same([...kinds, new URL('file:///x')].map(show), [
    'a promise, which has to be awaited first',
    'a Date',
    'an invalid Date',
    'a Map',
    'a Set',
    'an Error',
    'bytes',
    'a URL',
  ])
  const hostile = new Proxy({}, { getPrototypeOf: () => t.fail('called') as never })
  t.equal(show(hostile), 'an object')
})
