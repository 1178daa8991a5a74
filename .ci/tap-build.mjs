/**
 * Builds tap's test class when its plugins are not those of .taprc, that is once after each install.
 *
 * Left to itself, tap notices this in the middle of its first run and still starts that run's tests with the old
 * plugins, which fails. Needs no network. Exits with tap's own code.
 */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import tap from 'tap'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

if (tap.pluginSignature.includes('@tapjs/typescript')) {
  const bin = join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')
  const { status } = spawnSync(process.execPath, [bin, 'build'], { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
