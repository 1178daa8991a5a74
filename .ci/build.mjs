/**
 * Builds everything: `tsc -b` with TypeScript 7, whose compiler is a native binary in an optional package, or, where
 * optional packages were left out, with the last TypeScript that is written in JavaScript (slower, same output). Then the
 * bundles of the threads are made of what it compiled (bundle.mjs).
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { makeBundles } from './bundle.mjs'

const require = createRequire(import.meta.url)
const args = ['-b', ...process.argv.slice(2)]

function compile(typescript) {
  const compiler = join(dirname(require.resolve(`${typescript}/package.json`)), 'bin', 'tsc')
  return spawnSync(process.execPath, [compiler, ...args], { stdio: 'inherit' }).status ?? 1
}

function hasNative() {
  try {
    createRequire(require.resolve('typescript/package.json')).resolve(
      `@typescript/typescript-${process.platform}-${process.arch}/package.json`,
    )
    return true
  } catch {
    return false
  }
}

process.exitCode = compile(hasNative() ? 'typescript' : 'typescript-js')
if (process.exitCode === 0) await makeBundles()
