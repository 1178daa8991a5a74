/**
 * Keeps what brokers of today leave in a folder, for the tests of all later versions. After a build:
 *
 *   node dist/runtime/proof/stress/keep-folder.js NAME
 *
 * Writes NAME-closed.json and NAME-killed.json to runtime/proof/stress/kept-folders, and of queues and exchanges to kept-queues and kept-exchanges beside it. What is kept once is never written again: a
 * format that has changed gets a name of its own.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exchangeFolders, folders, pack, queueFolders } from './kept-folder.fixture.ts'

const [name] = process.argv.slice(2)
if (name === undefined) {
  console.error('say under which name the folders are to be kept: node dist/runtime/proof/stress/keep-folder.js NAME')
  process.exit(2)
}

for (const [kept, program] of [
  [folders(), './kept-folder-child.fixture.js'],
  [queueFolders(), './kept-queues-child.fixture.js'],
  [exchangeFolders(), './kept-exchanges-child.fixture.js'],
] as const)
  for (const how of ['closed', 'killed']) {
    const file = join(kept, `${name}-${how}.json`)
    if (existsSync(file)) throw new Error(`${file} is there, and is not written again`)
    const dir = mkdtempSync(join(tmpdir(), 'millrace-keep-'))
    try {
      const child = fileURLToPath(new URL(program, import.meta.url))
      const { stdout, stderr, status, signal } = spawnSync(process.execPath, [child, dir, how], { encoding: 'utf8' })
      if (how === 'closed' ? status !== 0 : signal !== 'SIGKILL')
        throw new Error(`${how}: ${status ?? signal} ${stderr}`)
      pack(dir, file)
      console.log(`${stdout.trim()}: ${file}`)
    } finally {
      rmSync(dir, { recursive: true })
    }
  }
