import t from 'tap'
import { byTable, type Holder, isSameTable, readHolder, unanswered } from './lock-holder.ts'

const SELF: Holder = {
  pid: 7,
  start: '100',
  host: 'here',
  token: '00000000-0000-4000-8000-000000000000',
  boot: 'b1',
  pidNamespace: 'pid:[1]',
  folder: '1:2',
  fileSystem: 'local',
  door: 'none',
}
/** As earlier versions wrote it. */
const OLD: Holder = { ...SELF, boot: null, pidNamespace: null, folder: null, fileSystem: 'unknown' }

t.test('a lock file is read as it was written, and one of an earlier version as far as it goes', async t => {
  t.strictSame(readHolder(JSON.stringify(SELF)), SELF)
  const { pid, start, host, token } = SELF
  t.strictSame(readHolder(JSON.stringify({ pid, start, host, token })), OLD)
  for (const change of [{ door: 'window' }, { boot: 1 }, { folder: {} }, { fileSystem: 'x' }, { token: '../x' }])
    t.equal(readHolder(JSON.stringify({ ...SELF, ...change })), null, JSON.stringify(change))
})

t.test('nobody at a socket means death where the same kernel would have led there', async t => {
  const cases: readonly [string, Partial<Holder>, Partial<Holder>, string][] = [
    ['the same kernel', {}, {}, 'dead'],
    ['another host name of it', { host: 'pod-1' }, {}, 'dead'],
    ['the same kernel, a shared file system', { fileSystem: 'shared' }, { fileSystem: 'shared' }, 'dead'],
    ['before the machine started, a local file system', { boot: 'b0' }, {}, 'dead'],
    [
      'another kernel, a shared file system',
      { boot: 'b0', fileSystem: 'shared' },
      { fileSystem: 'shared' },
      'elsewhere',
    ],
    ['another kernel, shared as the holder saw it', { boot: 'b0', fileSystem: 'shared' }, {}, 'elsewhere'],
    ['another kernel, shared as this one sees it', { boot: 'b0' }, { fileSystem: 'shared' }, 'elsewhere'],
    ['no boot ids, the same host', { boot: null, fileSystem: 'unknown' }, { boot: null }, 'dead'],
    ['no boot ids, another host', { boot: null, host: 'a', fileSystem: 'unknown' }, { boot: null }, 'elsewhere'],
    ['a pipe of this machine', { door: 'pipe' }, {}, 'dead'],
    ['a pipe of another machine', { door: 'pipe', boot: null, host: 'a' }, { boot: null }, 'elsewhere'],
  ]
  for (const [what, holder, self, verdict] of cases)
    t.equal(unanswered({ ...SELF, door: 'socket', ...holder }, { ...SELF, ...self }), verdict, what)
})

t.test('without a door the table of processes is asked, where it is the holder’s', async t => {
  const asked = (
    holder: Partial<Holder>,
    self: Partial<Holder> = {},
    start: string | null | undefined = '100',
  ): string => byTable({ ...SELF, ...holder }, { ...SELF, ...self }, () => (start === undefined ? null : { start }))
  t.equal(asked({}), 'alive')
  t.equal(
    byTable(SELF, SELF, () => null),
    'dead',
    'no such process',
  )
  t.equal(asked({}, {}, '101'), 'dead', 'the id is another process by now')
  t.equal(asked({}, {}, null), 'alive', 'its start is not known')
  t.equal(asked({ start: null }), 'alive')
  t.equal(asked({ pidNamespace: 'pid:[2]' }), 'elsewhere')
  t.equal(asked({ boot: 'b0' }), 'dead', 'the machine was started again')
  t.equal(asked({ boot: 'b0', fileSystem: 'shared' }), 'elsewhere')
  t.equal(asked({ folder: '1:3' }), 'dead', 'a copy')
  t.equal(asked({ folder: '1:3', fileSystem: 'shared' }), 'alive', 'numbers of shared folders say nothing')
  t.equal(
    byTable(OLD, SELF, () => null),
    'dead',
    'of an earlier version, dead',
  )
  t.equal(
    byTable(OLD, SELF, () => ({ start: '100' })),
    'alive',
    'of an earlier version, alive',
  )
  t.equal(
    byTable({ ...OLD, host: 'elsewhere' }, SELF, () => null),
    'elsewhere',
    'of an earlier version and another host',
  )
})

t.test('the same number means the same process in one namespace of one kernel only', async t => {
  t.ok(isSameTable(SELF, SELF))
  t.ok(isSameTable(OLD, SELF))
  t.notOk(isSameTable({ ...SELF, pidNamespace: 'pid:[2]' }, SELF))
  t.notOk(isSameTable({ ...SELF, boot: 'b0' }, SELF))
  t.notOk(isSameTable({ ...OLD, host: 'elsewhere' }, SELF))
})
