import t from 'tap'
import { readerCodecOf } from '../reader/learning-json.ts'
import { JsonBytes } from '../words/json-bytes.ts'
import { RAW_BYTES_MAX } from './line-splitter.ts'
import { type BrokenLine, type LineRecord, type ParseOptions, parseLine } from './parse-line.ts'

const codec = readerCodecOf('json')
const byId = { codec, keyPath: ['id'], partitions: 4 }

function parse(text: string, line: number, options: ParseOptions): LineRecord | BrokenLine | undefined {
  // It stands between others.
  const block = Buffer.from(`[1]\n${text}\n[2]`)
  return parseLine({ block, start: 4, end: block.length - 4 }, line, options)
}

function bytesOf(parsed: LineRecord | BrokenLine | undefined): string | undefined {
  if (parsed === undefined || !('message' in parsed)) return undefined
  return Buffer.from(JsonBytes.of(parsed.message.value as object) ?? []).toString()
}

t.test('a line becomes a record with its key and its number', async t => {
  t.match(parse('{"id":"a","n":1}', 7, byId), {
    line: 7,
    message: { key: 'a', headers: { line: '7' } },
  })
  t.equal(bytesOf(parse('{"id": "a", "n":1} ', 7, byId)), '{"id": "a", "n":1} ', 'as it stands there')
  t.match(parse('{"id":12}', 1, byId), { message: { key: '12' } })
  t.match(parse('{"id":""}', 1, byId), { message: { key: '' } })
  t.match(parse('{"a":{"b":{"c":"deep"}}}', 1, { ...byId, keyPath: ['a', 'b', 'c'] }), { message: { key: 'deep' } })
  t.match(parse('[["x"]]', 1, { ...byId, keyPath: ['0', '0'] }), { message: { key: 'x' } })
})

t.test('a line so long that it may be nested too deeply is written by the topic', async t => {
  const deep = `${'['.repeat(2_048)}${']'.repeat(2_048)}`
  const parsed = parse(deep, 1, { ...byId, keyPath: undefined })
  t.equal(bytesOf(parse(deep.slice(1, -1), 1, { ...byId, keyPath: undefined })), deep.slice(1, -1))
  t.ok(parsed !== undefined && 'message' in parsed && Array.isArray(parsed.message.value))
})

t.test('without a key the lines go round the partitions', async t => {
  const partitions = [1, 2, 3, 4, 5].map(line => {
    const parsed = parse('1', line, { codec, keyPath: undefined, partitions: 4 })
    return parsed !== undefined && 'message' in parsed ? parsed.message.partition : undefined
  })
  t.same(partitions, [1, 2, 3, 0, 1])
})

t.test('a blank line is nothing', async t => {
  for (const blank of ['', '  ', '\t']) t.equal(parse(blank, 1, byId), undefined)
})

t.test('a broken line says why', async t => {
  t.match(parse('{"id":', 3, byId), { line: 3, reason: 'decode', raw: '{"id":' })
  const keys: [string, string][] = [
    ['{}', 'id is missing'],
    ['{"id":null}', 'id is null'],
    ['{"id":[1]}', 'id is an array'],
    ['{"id":true}', 'id is of type boolean'],
    ['null', 'id is missing'],
    ['"id"', 'id is missing'],
  ]
  for (const [text, error] of keys) t.match(parse(text, 1, byId), { reason: 'key', error, raw: text })
  t.match(parse('{}', 1, { ...byId, keyPath: ['constructor', 'name'] }), {
    reason: 'key',
    error: 'constructor.name is missing',
  })
  t.match(parseLine({ reason: 'too-large', error: '9 bytes, more than 8', raw: '1234' }, 5, byId), {
    line: 5,
    reason: 'too-large',
  })
})

t.test('the raw text of a broken line is bounded', async t => {
  const parsed = parse('x'.repeat(200_000), 1, byId)
  t.ok(parsed !== undefined && 'raw' in parsed && parsed.raw.length === RAW_BYTES_MAX)
})
