/**
 * Runs the programs of both packages' README, and of the pages for newcomers, as they stand there.
 *
 * A fenced block after `<!-- file: main.js -->` is written to an empty folder that has millrace installed, compiled
 * first if it is TypeScript, and run; a block after `<!-- output -->` is what the program before it must print.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

interface Program {
  readonly name: string
  readonly source: string
  /** What it must print; `null`: anything. */
  readonly output: string | null
}

const root = repositoryRoot()
const PROGRAM = /<!-- file: (\S+) -->\n+```\w+\n(.*?)```(?:\s*<!-- output -->\n+```\w*\n(.*?)```)?/gs

function programsOf(readme: string): Program[] {
  return [...readme.matchAll(PROGRAM)].map(([, name = '', source = '', output]) => ({
    name,
    source,
    output: output ?? null,
  }))
}

/** An empty project that has both packages, and rxjs as every install of millrace does. */
function emptyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'))
  mkdirSync(join(folder, 'node_modules'))
  const links = { millrace: root, 'sharedarraybuffer-ring': join(root, 'ring') }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, 'node_modules', name), 'dir')
  for (const name of ['rxjs', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'dir')
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  return folder
}

interface Finished {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script with this Node alone: tap puts a loader into NODE_OPTIONS of whatever it sees started. */
function runNode(folder: string, args: readonly string[]): Promise<Finished> {
  const command = ['-u', 'NODE_OPTIONS', process.execPath, ...args]
  return new Promise(resolve => {
    execFile('env', command, { cwd: folder, timeout: 60_000, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr })
    })
  })
}

/** The compiler's program, or `null` where its binary for this platform was left out of the install. */
async function compiler(): Promise<string | null> {
  const path = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, stderr } = await runNode(root, [path, '--version'])
  if (code === 0) return path
  if (stderr.includes('Unable to resolve @typescript/')) return null
  throw new Error(stderr)
}

const programs = ['README.md', 'ring/README.md', 'docs/coming-from-bullmq.md', 'docs/coming-from-rabbitmq.md'].flatMap(
  path => programsOf(readFileSync(join(root, path), 'utf8')),
)
const typed = programs.filter(({ name }) => name.endsWith('.ts'))
const project = emptyProject()
t.teardown(() => rmSync(project, { recursive: true, force: true }))
for (const { name, source } of programs) writeFileSync(join(project, name), source)
const tsc = await compiler()

t.test('shows the program of its first page, and at least one in TypeScript', async t => {
  t.ok(programs.some(({ name }) => name === 'main.js'))
  t.ok(programs.some(({ name }) => name === 'billing.js'))
  t.ok(typed.length > 0)
  t.equal(
    new Set(programs.map(({ name }) => name.replace(/\.ts$/, '.js'))).size,
    programs.length,
    'no two share a name',
  )
})

t.test('its TypeScript compiles', { skip: tsc === null ? 'no compiler for this platform' : false }, async t => {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  }
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: typed.map(({ name }) => name) }),
  )
  const { code, stdout } = await runNode(project, [tsc ?? '', '-p', '.'])
  t.equal(code, 0, 'exits with 0', { stdout })
})

for (const { name, output } of programs) {
  const script = name.replace(/\.ts$/, '.js')
  t.test(
    `${name} runs and ends by itself`,
    { skip: script !== name && tsc === null ? 'not compiled' : false },
    async t => {
      const { code, stdout, stderr } = await runNode(project, [script])
      t.equal(code, 0, 'exits with 0', { stderr })
      if (output !== null) t.equal(stdout.trim(), output.trim())
    },
  )
}
