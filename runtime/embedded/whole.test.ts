/** A package that a bundler has taken apart says what to set. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { checkWhole } from './whole.ts'

const ENTRY = 'dist/runtime/control/control-entry.js'
const OTHERS = [
  'dist/runtime/control/control-start.js',
  'dist/runtime/control/control-thread.js',
  'dist/runtime/host/partition-host.js',
  'dist/actors/boot.js',
]

t.test('each file that threads load must be there', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-whole-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const entry = pathToFileURL(join(folder, ENTRY))
  const BUNDLED = { code: 'MILL_THREAD_LOST', message: /must stay a package.*esbuild.*rollup.*webpack.*Vite.*Next/ }
  for (const file of [ENTRY, ...OTHERS]) {
    t.throws(() => checkWhole(() => entry), BUNDLED, `without ${file}`)
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  t.doesNotThrow(() => checkWhole(() => entry))
})

t.test('a bundle without a file of its own is told, too', async t => {
  const noUrl = (): URL => new URL('./control-entry.js', undefined)
  t.throws(() => checkWhole(noUrl), { code: 'MILL_THREAD_LOST', message: /no URL of its own.*must stay a package/ })
  t.throws(() => checkWhole(() => new URL('https://host/control-entry.js')), { message: /loaded from https:/ })
})
