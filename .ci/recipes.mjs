/**
 * Plays the recipes that need packages of others: each page of docs/recipes in an empty folder, as a reader would.
 *
 *     node .ci/recipes.mjs FOLDER_OF_TARBALLS EMPTY_FOLDER [NAME …]
 *
 * A page that has `<!-- install -->` names its packages there, with their versions. Its files are the blocks after
 * `<!-- file: NAME -->`. The block after `<!-- run -->` is played by bash, and the block after `<!-- output -->` is what that must print.
 * All pages have one `node_modules`, so that one install is enough. Ends with `N passed, N failed`.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const RECIPES = new URL('../docs/recipes/', import.meta.url)
const INSTALL = '<!-- install -->'
const BLOCK = /<!-- (install|file|run|output)(?:: (\S+))? -->\n+```\w*\n(.*?)```/gs
/** Time limit of one page's commands, and of the install, in ms. */
const RUN_MS = 60_000
const INSTALL_MS = 120_000

const run = promisify(execFile)
const [tarballs, folder] = process.argv.slice(2, 4).map(path => resolve(path))
const chosen = process.argv.slice(4)

/** The blocks of a page, or `null` for one that needs no packages of others: the suite plays those. */
function pageAt(name) {
  const page = { name, packages: [], files: [], runs: [] }
  const source = readFileSync(new URL(name, RECIPES), 'utf8')
  if (!source.includes(INSTALL)) return null
  for (const [, kind, file, text] of source.matchAll(BLOCK)) {
    if (kind === 'install') page.packages.push(...packagesOf(name, text))
    if (kind === 'file') page.files.push([file, text])
    if (kind === 'run') page.runs.push({ commands: text, wanted: null })
    if (kind === 'output') page.runs.at(-1).wanted = text
  }
  return page
}

/** What `npm install` lines name, without our own package; each has its exact version. */
function packagesOf(name, text) {
  const packages = text
    .split('\n')
    .filter(line => line.startsWith('npm install '))
    .flatMap(line => line.split(' ').slice(2))
    .filter(word => word !== 'millrace' && !word.startsWith('-'))
  const loose = packages.filter(each => !/^@?[\w./-]+@\d+\.\d+\.\d+$/.test(each))
  if (loose.length > 0) throw new Error(`docs/recipes/${name} has no exact version of ${loose.join(', ')}`)
  return packages
}

async function play({ name, files, runs }) {
  const at = join(folder, name.replace(/\.md$/, ''))
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'package.json'), '{ "private": true, "type": "module" }\n')
  for (const [file, text] of files) {
    mkdirSync(dirname(join(at, file)), { recursive: true })
    writeFileSync(join(at, file), text)
  }
  if (runs.length === 0) throw new Error('it has no commands to run')
  const env = { ...process.env, PATH: `${join(folder, 'node_modules', '.bin')}:${process.env.PATH}`, NO_COLOR: '1', CI: '1' }
  for (const { commands, wanted } of runs) {
    const options = { cwd: at, env, timeout: RUN_MS, killSignal: 'SIGKILL' }
    const { stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', commands], options)
    if (wanted !== null && stdout.trim() !== wanted.trim()) throw new Error(`printed\n${stdout}\n${stderr}\nnot\n${wanted}`)
  }
}

const pages = readdirSync(RECIPES)
  .filter(name => name.endsWith('.md') && (chosen.length === 0 || chosen.some(part => name.includes(part))))
  .sort()
  .map(pageAt)
  .filter(page => page !== null)
if (pages.length === 0) throw new Error(`no recipe has ${INSTALL}`)
const ours = readdirSync(tarballs)
  .filter(name => name.endsWith('.tgz'))
  .map(name => join(tarballs, name))
const theirs = [...new Set(pages.flatMap(({ packages }) => packages))]
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...ours, ...theirs]
await run('npm', install, { cwd: folder, timeout: INSTALL_MS })

let failed = 0
for (const page of pages) {
  const started = performance.now()
  const error = await play(page).then(
    () => null,
    reason => reason,
  )
  if (error !== null) failed++
  console.log(`${error === null ? 'ok' : 'not ok'} - ${page.name} (${Math.round(performance.now() - started)} ms)`)
  if (error !== null) console.log(`${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`.replace(/^/gm, '    '))
}
console.log(`${pages.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
