/**
 * The packed packages among the tools that users have, where no recipe shows it: bundlers that take millrace in, loaders of
 * TypeScript. A program each, in a new project: it works, or `createBroker` says what to set.
 *
 *     node .ci/tools-smoke.mjs FOLDER_OF_TARBALLS EMPTY_FOLDER
 *
 * Ends with `N passed, N failed`. Versions are pinned, and installed into the folder given, within two minutes together.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const TOOLS = {
  esbuild: '0.28.2',
  rollup: '4.68.8',
  '@rollup/plugin-node-resolve': '16.0.3',
  '@rollup/plugin-commonjs': '29.0.3',
  webpack: '5.113.0',
  vite: '8.4.0',
  tsx: '4.23.15',
  vitest: '4.1.12',
}

const run = promisify(execFile)
const [tarballs, folder] = process.argv.slice(2).map(path => resolve(path))
const BODY = `
async function main() {
  const broker = await createBroker()
  const topic = await broker.topic('t', { partitions: 2 })
  const run = await topic.group('g').run({ handler: HANDLER, threads: 1 })
  await topic.publishBatch([1, 2, 3].map(value => ({ key: 'k' + value, value })))
  await run.idle()
  const { results } = await run.stop()
  await broker.close()
  return results.reduce((sum, each) => sum + each, 0)
}
`
const HANDLER = `import { defineHandler } from 'millrace'
export default defineHandler({ start: () => ({ sum: 0 }), message({ value }, state) { state.sum += value }, stop: ({ sum }) => sum })
`
const handlerAt = name => `new URL('./${name}', import.meta.url)`
const program = (
  handler,
  end = `main().then(sum => console.log('sum', sum), error => console.log(error.code, error.message))`,
) => `import { createBroker } from 'millrace'\n${BODY.replace('HANDLER', handler)}\n${end}\n`
const testOf = imports => `${imports}${program(handlerAt('handler.ts'), '').replace('handler.ts', 'HANDLER_FILE')}
test('a handler on a thread', async () => { expect(await main()).toBe(6) })
`

const FILES = {
  'package.json': JSON.stringify({ private: true, type: 'module', devDependencies: TOOLS }),
  'handler.mjs': HANDLER,
  'typed.ts': HANDLER.replace('({ sum: 0 })', '({ sum: 0 as number })').replace(
    '({ value }, state)',
    '({ value }: { value: number }, state)',
  ),
  'app.mjs': program(handlerAt('handler.mjs')),
  'app.ts': program(handlerAt('typed.ts')),
  'in-cwd.mjs': program("process.cwd() + '/handler.mjs'"),
  'rollup.config.mjs': `import { nodeResolve } from '@rollup/plugin-node-resolve'
import commonjs from '@rollup/plugin-commonjs'
export default { input: 'in-cwd.mjs', plugins: [nodeResolve({ preferBuiltins: true }), commonjs()], onwarn() {} }
`,
  'webpack.mjs': `import webpack from 'webpack'
const output = { path: process.cwd() + '/' + process.argv[2], filename: 'app.mjs', module: true, chunkFormat: 'module', library: { type: 'module' } }
webpack({ mode: 'development', target: 'node20', entry: './in-cwd.mjs', output, experiments: { outputModule: true }, devtool: false },
  (error, stats) => { if (error || stats.hasErrors()) { console.log(error ?? stats.toString()); process.exitCode = 1 } })
`,
  'vite.config.mjs': `export default { build: { ssr: 'in-cwd.mjs', outDir: 'out-vite' }, logLevel: 'warn' }\n`,
  'vitest.test.mjs': testOf("import { expect, test } from 'vitest'\n").replace('HANDLER_FILE', 'typed.ts'),
  'vitest.config.mjs': "export default { test: { include: ['vitest.test.mjs'], testTimeout: 30_000 } }\n",
}

const bin = name => join(folder, 'node_modules', '.bin', name)
const node = (args, cwd = folder, env = process.env) =>
  run(process.execPath, args, { cwd, env }).then(({ stdout }) => stdout)
const tool = (name, args) => run(bin(name), args, { cwd: folder }).then(({ stdout, stderr }) => stdout + stderr)
const WORKS = /^sum 6$/m
const SAYS = /^MILL_THREAD_LOST .*must stay a package.*--packages=external/m

async function bundled(name, build, file) {
  await build()
  return node([join(name, file)])
}

const esbuild =
  (...args) =>
  () =>
    tool('esbuild', ['in-cwd.mjs', '--bundle', '--platform=node', '--log-level=error', ...args])

/** Name, what prints something, and what that must be. As many at a time as there are cores: each has folders of its own. */
const CASES = [
  ['plain', () => node(['app.mjs']), WORKS],
  [
    'esbuild external, CJS',
    () => bundled('out-b', esbuild('--format=cjs', '--external:millrace', '--outfile=out-b/app.cjs'), 'app.cjs'),
    WORKS,
  ],
  [
    'esbuild whole',
    () =>
      bundled(
        'out-c',
        esbuild(
          '--format=esm',
          "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
          '--outfile=out-c/app.mjs',
        ),
        'app.mjs',
      ),
    SAYS,
  ],
  ['esbuild whole, CJS', () => bundled('out-d', esbuild('--format=cjs', '--outfile=out-d/app.cjs'), 'app.cjs'), SAYS],
  ['rollup whole', () => bundled('out-h', () => tool('rollup', ['-c', '-d', 'out-h']), 'in-cwd.js'), SAYS],
  ['webpack whole', () => bundled('out-f', () => node(['webpack.mjs', 'out-f']), 'app.mjs'), SAYS],
  ['vite for a server', () => bundled('out-vite', () => tool('vite', ['build']), 'in-cwd.js'), WORKS],
  ['tsx', () => node(['--import', 'tsx', 'app.ts']), WORKS],
  ['vitest', () => tool('vitest', ['run', '--config', 'vitest.config.mjs']), /1 passed/],
]

for (const [name, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}
const packages = readdirSync(tarballs)
  .filter(name => name.endsWith('.tgz'))
  .map(name => join(tarballs, name))
await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: folder })

let passed = 0
let failed = 0

async function judge([name, act, wanted]) {
  const started = performance.now()
  const printed = await act().catch(error => `${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`)
  const isGood = wanted.test(printed)
  if (isGood) passed++
  else failed++
  console.log(`${isGood ? 'ok' : 'not ok'} - ${name} (${Math.round(performance.now() - started)} ms)`)
  if (!isGood) console.log(printed.slice(0, 3_000).replace(/^/gm, '    '))
}

const queue = CASES.values()
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (const each of queue) await judge(each)
  }),
)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
