/** Who may read what a broker keeps on disk: permission bits of all that it makes, with real files. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BrokerOptions } from '../../index.ts'
import { folderOf } from '../fixtures/broker.fixture.ts'

function umask(t: Test, mask: number): void {
  const before = process.umask(mask)
  t.teardown(() => process.umask(before))
}

/** Permission bits of a folder and of all below it: those of folders, and those of files. */
function modesIn(folder: string): { readonly folders: readonly string[]; readonly files: readonly string[] } {
  const all = [folder, ...readdirSync(folder, { recursive: true }).map(name => join(folder, `${name}`))].map(path =>
    lstatSync(path),
  )
  const bits = (found: typeof all): string[] => [...new Set(found.map(({ mode }) => (mode & 0o777).toString(8)))]
  return { folders: bits(all.filter(one => one.isDirectory())), files: bits(all.filter(one => one.isFile())) }
}

/** Makes every kind of file that there is, some of them anew in a second life, and looks while the folder is locked and afterwards. */
async function used(t: Test, dir: string, options: BrokerOptions, lives = 1): Promise<ReturnType<typeof modesIn>[]> {
  const folder = folderOf(t)
  const seen: ReturnType<typeof modesIn>[] = []
  for (let life = 0; life < lives; life++) {
    const broker = await folder.open({ ...options, dir, partitionThreads: 1 + life })
    const orders = await broker.topic<string>('orders', { partitions: 2, segmentBytes: 65_536 })
    const producer = await broker.producer('source', orders)
    await producer.publish({ key: 'a', value: 'x' })
    await orders.publishBatch(Array.from({ length: 300 }, () => ({ value: 'x'.repeat(1_000) })))
    const run = await orders.group('g').handle(
      ({ offset }) => {
        if (offset === 0) throw new Error('to be a letter')
      },
      { attempts: 1 },
    )
    await run.idle()
    seen.push(modesIn(dir))
    await broker.close()
    seen.push(modesIn(dir))
  }
  return seen
}

const PRIVATE = { folders: ['700'], files: ['600'] }

t.test('what is made is its owner’s alone, whatever the umask lets through', async t => {
  umask(t, 0)
  const dir = join(folderOf(t).dir, 'above', 'data')
  for (const modes of await used(t, dir, {}, 2)) t.strictSame(modes, PRIVATE)
  t.equal(statSync(join(dir, '..')).mode & 0o777, 0o700, 'so is what is made on the way')
})

t.test('others may read what they are given, as far as the umask lets them', async t => {
  umask(t, 0o027)
  for (const modes of await used(t, join(folderOf(t).dir, 'data'), { dirMode: 0o775, fileMode: 0o664 }))
    t.strictSame(modes, { folders: ['750'], files: ['640'] })
})

t.test('a folder that exists keeps its bits, and what is made in it has ours', async t => {
  umask(t, 0o022)
  const dir = join(folderOf(t).dir, 'data')
  mkdirSync(dir)
  chmodSync(dir, 0o755)
  for (const modes of await used(t, dir, {})) t.strictSame(modes, { folders: ['755', '700'], files: ['600'] })
})
