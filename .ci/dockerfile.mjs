/**
 * Plays a Dockerfile without Docker: each line does in a folder what it would do in an image.
 *
 * Knows the lines that a recipe needs (`FROM`, `WORKDIR`, `COPY`, `RUN`, `ENV`, `CMD`), and refuses others. Paths of the image are under the
 * folder given. The image's Node is this one.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Time limits in ms: of one `RUN`, of the first lines of the program, and of its end, as Docker has it. */
const RUN_MS = 60_000
const OUTPUT_MS = 30_000
const STOP_MS = 10_000

/** Builds the image of the Dockerfile in `context` in the folder `image`, and returns how to start it. */
export async function build(context, image) {
  rmSync(image, { recursive: true, force: true })
  let workdir = image
  const env = { ...process.env }
  let command = null
  for (const line of readFileSync(join(context, 'Dockerfile'), 'utf8').split('\n')) {
    const [, word, rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? []
    if (word === undefined || word === 'FROM') continue
    if (word === 'WORKDIR') workdir = join(image, rest)
    else if (word === 'COPY') copy(context, workdir, rest.split(/\s+/))
    else if (word === 'RUN') await run('sh', ['-ec', rest], { cwd: workdir, env, timeout: RUN_MS })
    else if (word === 'ENV') Object.assign(env, settings(rest, image))
    else if (word === 'CMD') command = JSON.parse(rest)
    else throw new Error(`a line that is not known here: ${line}`)
    mkdirSync(workdir, { recursive: true })
  }
  if (command === null) throw new Error('the Dockerfile has no CMD')
  return { command, workdir, env }
}

function copy(context, workdir, words) {
  const target = join(workdir, words.at(-1))
  for (const word of words.slice(0, -1)) cpSync(join(context, word), join(target, basename(word)), { recursive: true })
}

function settings(text, image) {
  const pairs = text.split(/\s+/).map(each => each.split('='))
  return Object.fromEntries(pairs.map(([name, value]) => [name, value.startsWith('/') ? join(image, value) : value]))
}

/** Starts an image, stops it once it has printed each line of `wanted`, and returns its exit code. Rejects if it never does, or does not end in time. */
export async function startAndStop({ command: [program, ...args], workdir, env }, wanted) {
  const child = spawn(program === 'node' ? process.execPath : program, args, { cwd: workdir, env })
  const late = setTimeout(() => child.kill('SIGKILL'), OUTPUT_MS)
  const exit = once(child, 'exit')
  const lines = wanted.trim().split('\n')
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      printed += text
      if (stopping || lines.some(line => !printed.includes(line))) return
      stopping = true
      clearTimeout(late)
      child.kill('SIGTERM')
      killed = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    })
  }
  let stopping = false
  let killed
  const [code, signal] = await exit
  clearTimeout(late)
  clearTimeout(killed)
  if (!stopping || signal !== null) throw new Error(`it ended by ${signal ?? code}, and printed\n${printed}`)
  return code
}
