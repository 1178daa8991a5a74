/**
 * A copy of sources and build in which a module may be broken, and programs that run in it. Its packages are those of the
 * original, its workspace is its own. It has no bundles, so that threads load the module that is broken. A program that is
 * out of time is ended with all the processes that it started; when this process ends, so do the programs, and the copies are
 * removed.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { compiledFrom } from '../tests/modules.mjs'
import { compile } from './compile.mjs'

const LEFT_OUT = ['node_modules', '.git', '.tap', 'coverage']
/** Of what a program prints, the last part is kept. */
const OUTPUT_MAX = 64 << 20

const folders = new Set()
const running = new Set()

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

process.on('exit', () => {
  for (const pid of running) endGroup(pid)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

export class Copy {
  #root
  #folder
  #broken = null

  constructor(root) {
    this.#root = resolve(root)
    this.#folder = mkdtempSync(join(tmpdir(), 'mutants-'))
    folders.add(this.#folder)
    cpSync(this.#root, this.#folder, {
      recursive: true,
      preserveTimestamps: true,
      filter: source =>
        dirname(source) === this.#root ? !LEFT_OUT.includes(basename(source)) : !source.endsWith('.bundle.js'),
    })
    mkdirSync(join(this.#folder, 'node_modules'))
    for (const name of readdirSync(join(root, 'node_modules'))) {
      const target = name === 'sharedarraybuffer-ring' ? join(this.#folder, 'ring') : join(root, 'node_modules', name)
      symlinkSync(target, join(this.#folder, 'node_modules', name))
    }
  }

  /** Puts what `text` compiles to in the place of a module, until `mend()`. Throws if it does not compile. */
  break(path, text) {
    const code = compile(this.#root, path, text)
    const file = join(this.#folder, compiledFrom(path))
    this.#broken = { file, code: readFileSync(file) }
    writeFileSync(file, code)
  }

  mend() {
    if (this.#broken !== null) writeFileSync(this.#broken.file, this.#broken.code)
    this.#broken = null
  }

  /** Runs Node. `ended` says how, if not by an exit code: `out of time` or a signal. */
  run(args, { timeoutMs, env = {} }) {
    return new Promise(done => {
      const since = performance.now()
      const { MILLRACE_PORTION: _, ...inherited } = process.env
      const child = spawn(process.execPath, args, {
        cwd: this.#folder,
        // A group of its own, so that it can be ended with all its children.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...inherited, ...env },
      })
      running.add(child.pid)
      const kept = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8')
        child[name].on('data', chunk => {
          kept[name] = (kept[name] + chunk).slice(-OUTPUT_MAX)
        })
      }
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        endGroup(child.pid)
      }, timeoutMs)
      child.on('exit', () => clearTimeout(timer))
      child.on('close', (status, signal) => {
        endGroup(child.pid)
        running.delete(child.pid)
        done({
          status,
          ended: isLate ? 'out of time' : signal,
          stdout: kept.stdout,
          output: kept.stdout + kept.stderr,
          seconds: (performance.now() - since) / 1000,
        })
      })
    })
  }
}

/** Does `work(job, copy)` for each job, `copies.length` at a time. */
export async function share(copies, jobs, work) {
  const queue = jobs[Symbol.iterator]()
  await Promise.all(
    copies.map(async copy => {
      for (const job of { [Symbol.iterator]: () => queue }) await work(job, copy)
    }),
  )
}
