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

let installed: string | undefined

process.once('exit', () => {
  if (installed !== undefined) rmSync(installed, { recursive: true, force: true })
})

/** The library, as `T` describes it. */
export function clientLibrary<T>(name: keyof typeof versions): T {
  installed ??= install()
  return createRequire(join(installed, 'package.json'))(name) as T
}

/** All of them in one folder: some use another, if it is there. */
function install(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-client-'))
  writeFileSync(join(folder, 'package.json'), '{}')
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`)
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional']
  execFileSync('npm', ['install', ...options, ...packages], { cwd: folder, stdio: 'pipe' })
  return folder
}
