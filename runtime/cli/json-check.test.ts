import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { damaged, family } from '../reader/json-samples.fixture.ts'
import { isKnownJson } from './json-check.ts'

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Between other texts, as a line of a block is; `others` may be read as if they went on with it. */
function holds(text: string, others = '\n'): boolean {
  const front = Buffer.from(`1${others}`)
  const line = Buffer.from(text)
  return isKnownJson(Buffer.concat([front, line, Buffer.from(`${others}2`)]), front.length, front.length + line.length)
}

t.test('what is JSON is known as such, spaces, escapes and all', async t => {
  for (const text of [
    ...[
      '0',
      '-0',
      '12',
      '-1.50',
      '1e5',
      '1E+5',
      '0.25e-10',
      'true',
      'false',
      'null',
      '""',
      '"a"',
      '"é 😀"',
      '[]',
      '{}',
    ],
    ...['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD800"', ' { "a" : [ 1 , { } , [ ] ] , "b" : "x" } ', '\t[\r1]', '[[[1]]]'],
    ...['{"a":{"b":[{"c":null}]},"d":[true,false]}', `"${'x'.repeat(100)}"`, '['.repeat(28) + ']'.repeat(28)],
  ])
    t.ok(isJson(text) && holds(text), text)
})

t.test('what is none is not, and neither is what another line would complete', async t => {
  for (const text of [
    ...[
      '',
      ' ',
      '-',
      '01',
      '1.',
      '.5',
      '1e',
      '1e+',
      '+1',
      'tru',
      'nulll',
      'trUe',
      'NaN',
      '"',
      '"a',
      '"\\x"',
      '"\\u12g4"',
    ],
    ...[
      '"\\u123',
      '"\t"',
      '[',
      '[1',
      '[1,',
      '[1,]',
      '[,1]',
      '{',
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a":1,',
      '{"a":1,}',
      '{a:1}',
    ],
    ...[
      "{'a':1}",
      '{"a" 1}',
      '{"a":1 "b":2}',
      '[1 2]',
      '[1}',
      '{"a":1]',
      '1 2',
      '{} {}',
      ']',
      '}',
      '\ufeff1',
      '\u00a01',
    ],
  ])
    t.notOk(isJson(text) || holds(text), text)
  for (const [text, others] of [
    ['{"a":1', '}'],
    ['[1', ',2]'],
    ['"a', '"'],
    ['-', '1'],
    ['nu', 'll'],
    ['"\\', '""'],
  ] as const)
    t.notOk(holds(text, others), text + others)
  for (const text of ['{"a":1}', '[]', '7', '"x"', '{"a":[1,{"b":null}]}'])
    t.ok(holds(text, '\r\n'), 'the end of a line of Windows')
  t.notOk(holds('['.repeat(40) + ']'.repeat(40)), 'JSON.parse is asked')
})

t.test('of any text it says nothing else than JSON.parse', async t => {
  let [good, bad] = [0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const chance = new Chance(seed)
    const make = family(chance)
    for (let count = 0; count < 40; count++) {
      const written = JSON.stringify(make(), null, chance.happens(0.3) ? '\t' : undefined).replaceAll('\n', ' ')
      const text = chance.happens(0.5)
        ? damaged(chance, Buffer.from(written)).toString().replaceAll('\n', ' ')
        : written
      if (holds(text) !== isJson(text)) return t.fail(JSON.stringify(text))
      if (isJson(text)) good++
      else bad++
    }
  }
  t.ok(good > 1_000 && bad > 300, `${good} were JSON, ${bad} were not`)
})
