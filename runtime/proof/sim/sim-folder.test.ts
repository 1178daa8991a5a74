import t from 'tap'
import { Chance } from './chance.ts'
import { SimFile } from './sim-file.ts'
import { SimFolder } from './sim-folder.ts'

/** Files by the letters that the tests call them. */
type Files = Record<'X' | 'Y' | 'Z', SimFile>

/** All that may be left of a folder with X at `x`, durable, after these changes: `name=file` each. */
function outcomes(change: (folder: SimFolder, files: Files) => void): string[] {
  const seen = new Set<string>()
  for (let seed = 0; seed < 400; seed++) {
    const files: Files = { X: new SimFile(), Y: new SimFile(), Z: new SimFile() }
    const letters = new Map(Object.entries(files).map(([letter, file]) => [file, letter]))
    const folder = new SimFolder()
    folder.create('x', files.X)
    folder.sync()
    change(folder, files)
    const chance = new Chance(seed)
    folder.powerCut(chance, 0.5)
    const left = (): string =>
      folder
        .names()
        .map(name => `${name}=${letters.get(folder.get(name) as SimFile)}`)
        .join(' ')
    const first = left()
    folder.powerCut(chance, 0.5)
    t.equal(left(), first, 'what is left is durable')
    seen.add(first)
  }
  return [...seen].sort()
}

t.test('names that were not synced are there or not, each independently', async t => {
  const seen = outcomes((folder, { Y, Z }) => {
    folder.create('y', Y)
    folder.create('z', Z)
  })
  t.strictSame(seen, ['x=X', 'x=X y=Y', 'x=X y=Y z=Z', 'x=X z=Z'])
})

t.test('a name that was removed may come back', async t => {
  t.strictSame(
    outcomes(folder => folder.remove('x')),
    ['', 'x=X'],
  )
})

t.test('a renamed file has its old name or its new one', async t => {
  t.strictSame(
    outcomes((folder, { X }) => folder.rename('x', 'y', X)),
    ['x=X', 'y=X'],
  )
})

t.test('a file that takes the place of another leaves one of them there', async t => {
  const seen = outcomes((folder, { Y }) => {
    folder.create('y', Y)
    folder.rename('y', 'x', Y)
  })
  // The new name may be there without the first one ever having been: they are changes of different names.
  t.strictSame(seen, ['x=X', 'x=X y=Y', 'x=Y'])
})

t.test('a file that was moved aside is not lost by what takes its place', async t => {
  const seen = outcomes((folder, { X, Y }) => {
    folder.rename('x', 'old', X)
    folder.create('x', Y)
  })
  t.strictSame(seen, ['old=X', 'old=X x=Y', 'x=X'])
})

t.test('a file has one name after any chain of renames', async t => {
  const seen = outcomes((folder, { X }) => {
    folder.rename('x', 'y', X)
    folder.rename('y', 'z', X)
  })
  t.strictSame(seen, ['x=X', 'y=X', 'z=X'])
})

t.test('synced names are there', async t => {
  const seen = outcomes((folder, { X, Y }) => {
    folder.rename('x', 'y', X)
    folder.create('x', Y)
    folder.sync()
  })
  t.strictSame(seen, ['x=Y y=X'])
  const removed = outcomes(folder => {
    folder.remove('x')
    folder.sync()
  })
  t.strictSame(removed, [''])
})
