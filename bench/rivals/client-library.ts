/**
 * The client libraries of rivals, at pinned versions: installed into a temporary folder when a rival first starts, so that a checkout does
 * without them. No script of theirs runs.
 *
 * Main thread. The folder is removed when the bench ends.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const versions = { amqplib: '2.3.1', bullmq: '6.7.0', ioredis: '6.0.0' } as const

const folders = new Map<string, string>()

process.once('exit', () => {
  for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true })
})

/** The library, as `T` describes it. */
export function clientLibrary<T>(name: keyof typeof versions): T {
  let folder = folders.get(name)
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'millrace-bench-client-'))
    folders.set(name, folder)
    writeFileSync(join(folder, 'package.json'), '{}')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional']
    execFileSync('npm', ['install', ...options, `${name}@${versions[name]}`], { cwd: folder, stdio: 'pipe' })
  }
  return createRequire(join(folder, 'package.json'))(name) as T
}
