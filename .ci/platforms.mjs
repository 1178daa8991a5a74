/**
 * The packed packages on other runtimes: the oldest Node allowed, the newer ones, Bun and Deno.
 *
 *     node .ci/platforms.mjs FOLDER_OF_TARBALLS EMPTY_FOLDER [NAME …]
 *
 * One program each: a topic and a queue, in memory and on disk, with handlers on threads, some of which exit and loop for ever. Node 24
 * is left out: it runs the whole suite. Runtimes are the packages of their binaries, because those need no install scripts. Ends with
 * `N passed, N failed`. The install takes four minutes at most, and each program one.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const { arch, platform } = process
const node = `node-${platform}-${arch}`
const bun = `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`
const deno = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`

/** Name, package, version, program in the package, its arguments, and whether it loads handlers in TypeScript without help. */
const RUNTIMES = [
  { name: 'node-20.19.0', of: node, version: '20.19.0', bin: 'bin/node', args: [], typed: false },
  { name: 'node-22', of: node, version: '22', bin: 'bin/node', args: [], typed: true },
  { name: 'node-26', of: node, version: '26', bin: 'bin/node', args: [], typed: true },
  { name: 'bun', of: bun, version: '1.4.5', bin: 'bin/bun', args: [], typed: true },
  { name: 'deno', of: deno, version: '2.9.6', bin: 'deno', args: ['run', '--allow-all'], typed: true },
]

const PROGRAM = `
import { createBroker } from 'millrace'

const [dir, squares] = process.argv.slice(2)
const at = name => new URL(name, import.meta.url)

async function stream(broker) {
  const topic = await broker.topic('numbers', { partitions: 2 })
  const run = await topic.group('sum').run({ handler: at('./sum.js'), threads: 1 })
  await topic.publishBatch([1, 2, 3].map(value => ({ key: 'k' + value, value })))
  await run.idle()
  const { results } = await run.stop()
  return results.reduce((sum, each) => sum + each, 0)
}

async function queue(broker) {
  const work = await broker.queue('work', { attempts: 1 })
  await work.run({ handler: at(squares), threads: 1, handlerTimeoutMs: 500 })
  const ask = value => work.request({ value }).catch(({ reason }) => reason)
  const answers = []
  for (const value of [7, 'throw', 'exit', 'loop', 8]) answers.push(await ask(value))
  return answers.join(' ')
}

for (const options of [{}, { dir }]) {
  const broker = await createBroker({ ...options, logger: false })
  console.log(await stream(broker), await queue(broker))
  if (options.dir !== undefined) await (await broker.topic('kept')).publish({ value: 'kept' })
  await broker.close()
}

const broker = await createBroker({ dir })
for await (const { value } of (await broker.topic('kept')).group('readers').consume()) {
  console.log(value)
  break
}
await broker.close()
`
const ONCE = '6 49 failed crashed timeout 64'
const PRINTS = [ONCE, ONCE, 'kept', ''].join('\n')
const SUM = `import { defineHandler } from 'millrace'
export default defineHandler({ start: () => ({ sum: 0 }), message({ value }, state) { state.sum += value }, stop: ({ sum }) => sum })
`
const SQUARE = `export default ({ value }: { value: number | string }): number => {
  if (value === 'throw') throw new Error('thrown')
  if (value === 'exit') process.exit(3)
  while (value === 'loop');
  return Number(value) ** 2
}
`
const FILES = {
  'main.js': PROGRAM,
  'sum.js': SUM,
  'square.ts': SQUARE,
  'square.js': SQUARE.replace(': { value: number | string }): number', ')'),
}

const INSTALL_MS = 240_000
const PROGRAM_MS = 60_000
/** Programs that run at the same time: most wait for threads that start. */
const TOGETHER = 2
const run = promisify(execFile)
const [tarballs, folder] = process.argv.slice(2, 4).map(path => resolve(path))
const names = process.argv.slice(4)

async function play({ name, bin, args, typed }) {
  const command = [...args, 'main.js', join(folder, `data-${name}`), typed ? './square.ts' : './square.js']
  const options = { cwd: folder, timeout: PROGRAM_MS, killSignal: 'SIGKILL' }
  const { stdout, stderr } = await run(join(folder, 'node_modules', name, bin), command, options)
  if (stdout !== PRINTS) throw Object.assign(new Error(`it does not print\n${PRINTS}`), { stdout, stderr })
}

const runtimes = RUNTIMES.filter(({ name }) => names.length === 0 || names.includes(name))
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
const ours = readdirSync(tarballs).filter(name => name.endsWith('.tgz'))
const packages = [
  ...ours.map(name => join(tarballs, name)),
  ...runtimes.map(({ name, of, version }) => `${name}@npm:${of}@${version}`),
]
await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
  cwd: folder,
  timeout: INSTALL_MS,
})

let failed = 0
async function judge(each) {
  const started = performance.now()
  const error = await play(each).then(
    () => null,
    reason => reason,
  )
  if (error !== null) failed++
  console.log(`${error === null ? 'ok' : 'not ok'} - ${each.name} (${Math.round(performance.now() - started)} ms)`)
  if (error !== null)
    console.log(`${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`.replace(/^/gm, '    '))
}

const queue = runtimes.values()
const line = async () => {
  for (const each of queue) await judge(each)
}
await Promise.all(Array.from({ length: TOGETHER }, line))
console.log(`${runtimes.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 && runtimes.length > 0 ? 0 : 1
