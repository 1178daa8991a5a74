import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { HeldFolder } from '../../wire/folder.ts'
import { acquireLock, type Lock } from './directory-lock.ts'
import { isStillHeld } from './lock-watch.ts'

async function held(t: { teardown(act: () => void): unknown }): Promise<{ lock: Lock; folder: HeldFolder }> {
  const root = mkdtempSync(join(tmpdir(), 'watch-'))
  const lock = await acquireLock(join(root, 'data'))
  t.teardown(() => {
    lock.release()
    rmSync(root, { recursive: true, force: true })
  })
  return { lock, folder: lock.folder as HeldFolder }
}

t.test('a folder is held until it is given up', async t => {
  const { lock, folder } = await held(t)
  t.ok(isStillHeld(folder))
  lock.release()
  t.notOk(isStillHeld({ ...folder, moved: null }))
})

t.test('any one of the files of a lock may be removed by hand', async t => {
  for (const file of ['LOCK', 'control.sock']) {
    const { folder } = await held(t)
    rmSync(join(folder.directory, file))
    t.ok(isStillHeld(folder), file)
    await t.rejects(acquireLock(folder.directory), { name: 'DirectoryHeldError' }, file)
  }
})

t.test('a folder that was removed, or whose lock was, or has another one, is held no more', async t => {
  const changes: readonly ((directory: string) => void)[] = [
    directory => rmSync(directory, { recursive: true }),
    directory => {
      rmSync(directory, { recursive: true })
      mkdirSync(directory)
    },
    directory => {
      rmSync(join(directory, 'control.sock'))
      writeFileSync(join(directory, 'LOCK'), '{}')
    },
    directory => {
      rmSync(join(directory, 'control.sock'))
      writeFileSync(join(directory, 'control.sock'), '')
    },
    directory => {
      renameSync(directory, `${directory}-away`)
      mkdirSync(directory)
    },
    directory => {
      renameSync(directory, `${directory}-away`)
      mkdirSync(directory)
      copyFileSync(join(`${directory}-away`, 'LOCK'), join(directory, 'LOCK'))
    },
  ]
  for (const [at, change] of changes.entries()) {
    const { folder } = await held(t)
    change(folder.directory)
    t.notOk(isStillHeld(folder), `${at}`)
  }
})

t.test('a folder that was moved stays its holder’s', async t => {
  const { folder } = await held(t)
  const elsewhere = `${folder.directory}-moved`
  renameSync(folder.directory, elsewhere)
  t.equal(isStillHeld(folder), process.platform === 'linux')
  await t.rejects(acquireLock(elsewhere), { name: 'DirectoryHeldError' })
})
