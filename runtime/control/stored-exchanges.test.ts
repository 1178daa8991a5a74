/** Exchanges, bindings and schedules in a folder's catalog: the next process finds what was kept, and nothing of what was forgotten. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { byOf, byText } from '../routing/binding-text.ts'
import type { BoundBy } from '../wire/route-changes.ts'
import { openDirectory } from './open-directory.ts'
import { DIR } from './small-folder.fixture.ts'
import type { StoredBinding } from './stored-exchanges.ts'

const JOURNAL_BYTES = 8_192
const ODD: readonly BoundBy[] = [
  '',
  'a..b',
  '#.*/k\n\u2028\ud800',
  'h["all",[]]',
  { match: 'any', headers: {} },
  { match: 'all-with-x', headers: { b: 's', a: null, '': '', __proto__x: 'null', c: new Uint8Array([0, 255]) } },
]

t.test('what a binding is by is read back from its text, and the order of headers is none', async t => {
  for (const by of ODD) t.strictSame(byOf(byText(by)), by)
  t.equal(new Set(ODD.map(byText)).size, ODD.length)
  const [one, other] = [
    { a: '1', b: null },
    { b: null, a: '1' },
  ]
  t.equal(byText({ match: 'all', headers: one }), byText({ match: 'all', headers: other }))
  const proto = byOf(byText({ match: 'any', headers: JSON.parse('{"__proto__":"x"}') }))
  t.strictSame(Object.entries((proto as { headers: object }).headers), [['__proto__', 'x']])
  const bytes = { match: 'all', headers: { a: new TextEncoder().encode('x') } } as const
  t.not(byText(bytes), byText({ match: 'all', headers: { a: 'x' } }))
})

t.test('the next process finds exchanges and bindings, and none that were forgotten', async t => {
  const disk = new MemoryDisk()
  let directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const events = { id: 7, name: 'events', type: 'topic', alternate: 'rest' } as const
  directory.exchanges.declare(events)
  directory.exchanges.declare({ id: 8, name: 'rest', type: 'headers', alternate: null })
  const bindings = ODD.map((by, at): StoredBinding => ({ exchange: 7 + (at % 2), kind: 'queue', target: at, by }))
  for (const binding of bindings) directory.exchanges.bind(binding)
  directory.exchanges.bind({ exchange: 7, kind: 'exchange', target: 8, by: 'k' })
  const again = (): void => {
    directory.close()
    directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  }
  again()
  t.strictSame(directory.exchanges.exchanges()[0], events)
  t.equal(directory.exchanges.exchanges().length, 2)
  t.strictSame(directory.exchanges.bindings().slice(0, ODD.length), bindings)
  t.strictSame(directory.exchanges.bindings().at(-1), { exchange: 7, kind: 'exchange', target: 8, by: 'k' })
  directory.exchanges.forget([...bindings.slice(1), { exchange: 7, kind: 'topic', target: 0, by: '' }])
  directory.exchanges.delete('rest')
  again()
  t.strictSame(directory.exchanges.exchanges(), [events])
  t.strictSame(directory.exchanges.bindings()[0], bindings[0])
  t.equal(directory.exchanges.bindings().length, 2)
  directory.close()
})

t.test('thousands of bindings are forgotten in several records', async t => {
  const disk = new MemoryDisk()
  let directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const bindings = Array.from(
    { length: 2_001 },
    (_, at): StoredBinding => ({ exchange: 1, kind: 'topic', target: at, by: `key ${at}` }),
  )
  for (const binding of bindings) directory.exchanges.bind(binding)
  directory.exchanges.forget(bindings)
  directory.close()
  directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  t.strictSame(directory.exchanges.bindings(), [])
  directory.close()
})

t.test('schedules are kept with how far they are', async t => {
  const disk = new MemoryDisk()
  let directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  directory.schedules.keep({ name: 'nightly', definition: '{"cron":"0 3 * * *"}', progress: '1' })
  directory.schedules.keep({ name: 'often', definition: 'x', progress: '4' })
  directory.schedules.keep({ name: 'gone', definition: 'y', progress: '1' })
  directory.schedules.decide('nightly', '7')
  directory.schedules.forget('gone')
  directory.schedules.decide('gone', '2')
  directory.close()
  directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  t.strictSame(directory.schedules.all(), [
    { name: 'nightly', definition: '{"cron":"0 3 * * *"}', progress: '7' },
    { name: 'often', definition: 'x', progress: '4' },
  ])
  directory.schedules.keep({ name: 'often', definition: 'z', progress: '9' })
  t.strictSame(directory.schedules.all()[1], { name: 'often', definition: 'z', progress: '9' })
  directory.close()
})
