/**
 * Plays the pages that need packages of others, as a reader would: each in a folder of its own, with the packed packages.
 *
 *     node .ci/recipes.mjs FOLDER_OF_TARBALLS EMPTY_FOLDER [NAME …]
 *
 * After a build. `<!-- needs: fastify@5.12.8 -->` names a page's packages, with exact versions. Its files are written, and its commands are
 * run; `runtime/proof/fixtures/pages.fixture.ts` says how a page marks them. All pages share one `node_modules`, so that one
 * install is enough. A Dockerfile is played without Docker. Ends with `N passed, N failed`.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pagesOf, writeFiles } from '../dist/runtime/proof/fixtures/pages.fixture.js'
import { build, startAndStop } from './dockerfile.mjs'

/** Time limits of one command, in s, and of the install, in ms. A build that takes 15 s takes two minutes on a busy machine. */
const COMMAND_S = 240
const INSTALL_MS = 240_000
const EXACT = /^@?[\w./-]+@\d+\.\d+\.\d+$/
const MODULE = '{ "private": true, "type": "module" }\n'

const run = promisify(execFile)
const [tarballs, folder] = process.argv.slice(2, 4).map(path => resolve(path))
const names = process.argv.slice(4)
const tarballPaths = readdirSync(tarballs)
  .filter(name => name.endsWith('.tgz'))
  .map(name => join(tarballs, name))

async function play(page) {
  const cwd = join(folder, basename(page.path, '.md'))
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, 'package.json'), MODULE)
  writeFiles(page, cwd)
  const image = page.parts.find(({ name }) => name === 'Dockerfile')
  await (image === undefined ? playCommands(page, cwd) : playImage(image, cwd))
}

/** Its program runs in a folder that has only what the Dockerfile puts there, and ends at SIGTERM. */
async function playImage({ output }, context) {
  const install = ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballPaths]
  await run('npm', install, { cwd: context, timeout: INSTALL_MS })
  // As deep as the context: the lock file names the tarballs by relative paths.
  const code = await startAndStop(await build(context, `${context}-image`), output)
  if (code !== 0) throw new Error(`its exit code is ${code}`)
}

async function playCommands(page, cwd) {
  const PATH = `${join(folder, 'node_modules', '.bin')}:${process.env.PATH}`
  const env = { ...process.env, PATH, TARBALLS: tarballs, NO_COLOR: '1', CI: '1', NEXT_TELEMETRY_DISABLED: '1' }
  const commands = page.parts.filter(({ kind }) => kind === 'command')
  if (commands.length === 0) throw new Error(`${page.path} has no command`)
  for (const { source, output } of commands) {
    // It ends all processes of the command, where `timeout` of `execFile` ends the shell only.
    const command = ['--signal=KILL', String(COMMAND_S), 'bash', '-euo', 'pipefail', '-c', source]
    const { stdout, stderr } = await run('timeout', command, { cwd, env })
    if (output === null || stdout.trim() === output.trim()) continue
    throw Object.assign(new Error(`${source} printed something else`), { stdout, stderr })
  }
}

const pages = pagesOf(fileURLToPath(new URL('..', import.meta.url))).filter(
  ({ needs, path }) => needs.length > 0 && (names.length === 0 || names.some(name => path.includes(name))),
)
if (pages.length === 0) throw new Error('no page needs packages of others')
const theirs = [...new Set(pages.flatMap(({ needs }) => needs))].filter(name => name !== 'docker')
const loose = theirs.filter(name => !EXACT.test(name))
if (loose.length > 0) throw new Error(`not an exact version: ${loose.join(', ')}`)
writeFileSync(join(folder, 'package.json'), MODULE)
const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballPaths, ...theirs]
await run('npm', install, { cwd: folder, timeout: INSTALL_MS })

let failed = 0
for (const page of pages) {
  const started = performance.now()
  const error = await play(page).then(
    () => null,
    reason => reason,
  )
  if (error !== null) failed++
  console.log(`${error === null ? 'ok' : 'not ok'} - ${page.path} (${Math.round(performance.now() - started)} ms)`)
  if (error !== null)
    console.log(`${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`.replace(/^/gm, '    '))
}
console.log(`${pages.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
