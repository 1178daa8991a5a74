import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { LogSyncs } from './log-syncs.ts'

function make(...names: readonly string[]) {
  const disk = new MemoryDisk()
  const files = names.map(name => disk.open(`/f/${name}`, 'create'))
  disk.trace.length = 0
  return { disk, files, syncs: new LogSyncs(disk, '/f') }
}

t.test('syncs what was written, oldest first, and the folder last', async t => {
  const { disk, files, syncs } = make('a', 'b')
  for (const file of files) syncs.mark(file)
  syncs.markNames()
  syncs.sync()
  t.strictSame(disk.trace, ['sync a', 'sync b', 'syncDirectory f'])
  syncs.sync()
  t.equal(disk.trace.length, 3, 'nothing is left to sync')
})

t.test('a retired file is closed once it is durable, and not before', async t => {
  const { disk, files, syncs } = make('a', 'b')
  const [a, b] = files as [(typeof files)[0], (typeof files)[0]]
  syncs.mark(a)
  syncs.retire(a)
  t.equal(disk.opened, 2)
  syncs.syncLater(b, () => undefined)
  t.equal(disk.opened, 2, 'its sync is under way')
  disk.settle()
  t.equal(disk.opened, 1)
})

t.test('in the background done is told once everything is durable, the folder too', async t => {
  const { disk, files, syncs } = make('a', 'b')
  const [a, b] = files as [(typeof files)[0], (typeof files)[0]]
  const told: unknown[] = []
  syncs.mark(a)
  syncs.markNames()
  syncs.syncLater(b, error => told.push(error, ...disk.trace))
  t.strictSame(told, [])
  disk.settle()
  t.strictSame(told, [null, 'sync a', 'sync b', 'syncDirectory f'])
})

t.test('a sync of the foreground does not rely on one in the background', async t => {
  const { disk, files, syncs } = make('a')
  const [a] = files as [(typeof files)[0]]
  syncs.mark(a)
  syncs.syncLater(a, () => undefined)
  syncs.sync()
  t.strictSame(disk.trace, ['sync a'])
})

t.test('one failure of several is told, once, and names are then not said to be durable', async t => {
  const { disk, files, syncs } = make('a', 'b')
  const told: unknown[] = []
  for (const file of files) syncs.mark(file)
  syncs.markNames()
  disk.failNext('sync', /a$/)
  syncs.syncLater(files[1] as (typeof files)[0], error => told.push(error?.path))
  disk.settle()
  t.strictSame(told, ['/f/a'])
  t.strictSame(disk.trace, ['sync b'])
  disk.failNext('syncDirectory')
  syncs.syncLater(files[1] as (typeof files)[0], error => told.push(error?.operation))
  disk.settle()
  t.strictSame(told, ['/f/a', 'syncDirectory'])
})

t.test('a removed file is closed without a sync', async t => {
  const { disk, files, syncs } = make('a', 'b')
  for (const file of files) syncs.mark(file)
  syncs.forget(files[0] as (typeof files)[0])
  t.equal(disk.opened, 1)
  syncs.sync()
  t.strictSame(disk.trace, ['sync b'])
})
