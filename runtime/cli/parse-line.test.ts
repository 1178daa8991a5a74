import t from 'tap'
import { RAW_BYTES_MAX } from './line-splitter.ts'
import { parseLine } from './parse-line.ts'

const byId = { keyPath: ['id'], partitions: 4 }

t.test('a line becomes a record with its key and its number', async t => {
  t.match(parseLine('{"id":"a","n":1}', 7, byId), {
    line: 7,
    message: { key: 'a', value: { id: 'a', n: 1 }, headers: { line: '7' } },
  })
  t.match(parseLine('{"id":12}', 1, byId), { message: { key: '12' } })
  t.match(parseLine('{"id":""}', 1, byId), { message: { key: '' } })
  t.match(parseLine('{"a":{"b":{"c":"deep"}}}', 1, { ...byId, keyPath: ['a', 'b', 'c'] }), { message: { key: 'deep' } })
  t.match(parseLine('[["x"]]', 1, { ...byId, keyPath: ['0', '0'] }), { message: { key: 'x' } })
})

t.test('without a key the lines go round the partitions', async t => {
  const partitions = [1, 2, 3, 4, 5].map(line => {
    const parsed = parseLine('1', line, { keyPath: undefined, partitions: 4 })
    return parsed !== undefined && 'message' in parsed ? parsed.message.partition : undefined
  })
  t.same(partitions, [1, 2, 3, 0, 1])
})

t.test('a blank line is nothing', async t => {
  for (const blank of ['', '  ', '\t']) t.equal(parseLine(blank, 1, byId), undefined)
})

t.test('a broken line says why', async t => {
  t.match(parseLine('{"id":', 3, byId), { line: 3, reason: 'decode', raw: '{"id":' })
  const keys: [string, string][] = [
    ['{}', 'id is missing'],
    ['{"id":null}', 'id is null'],
    ['{"id":[1]}', 'id is an array'],
    ['{"id":true}', 'id is of type boolean'],
    ['null', 'id is missing'],
    ['"id"', 'id is missing'],
  ]
  for (const [text, error] of keys) t.match(parseLine(text, 1, byId), { reason: 'key', error, raw: text })
  t.match(parseLine('{}', 1, { ...byId, keyPath: ['constructor', 'name'] }), {
    reason: 'key',
    error: 'constructor.name is missing',
  })
  t.match(parseLine({ reason: 'too-large', error: '9 bytes, more than 8', raw: '1234' }, 5, byId), {
    line: 5,
    reason: 'too-large',
  })
})

t.test('the raw text of a broken line is bounded', async t => {
  const parsed = parseLine('x'.repeat(200_000), 1, byId)
  t.ok(parsed !== undefined && 'raw' in parsed && parsed.raw.length === RAW_BYTES_MAX)
})
