/**
 * Starts a server that a rival needs, in a temporary folder and on unused ports of loopback, and ends it by its process id.
 *
 * Main thread. A server lives for one round. What runs when the bench ends, by an error or by a signal, is killed with it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A server that does not answer by then has failed. */
const startMsMax = 120_000
const tryEachMs = 100

const running = new Set<ChildProcess>()

process.once('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll()
    process.kill(process.pid, signal)
  })
}

export interface Program {
  readonly name: string
  /** Where it may be besides the folders of PATH. */
  readonly folders: readonly string[]
  /** The package of Debian that has it. */
  readonly debianPackage: string
}

/** Where the program is, or undefined. */
export function pathOf({ name, folders }: Program): string | undefined {
  return [...folders, ...(process.env.PATH ?? '').split(delimiter)]
    .map(folder => join(folder, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** Why subjects that need the program cannot run here, in a sentence, or undefined. */
export function whyMissing(program: Program): string | undefined {
  if (pathOf(program) !== undefined) return undefined
  return `${program.name} is not installed (Debian: apt-get install --no-install-recommends ${program.debianPackage})`
}

/** The processes and the folder of one server. */
export class ServerProcess {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'millrace-bench-server-'))
  readonly #children: ChildProcess[] = []
  #lastWords = ''

  /** The program must be installed; `environment` is added to that of this process. */
  start(program: Program, args: readonly string[], environment: NodeJS.ProcessEnv = {}): void {
    const path = pathOf(program)
    if (path === undefined) throw new Error(whyMissing(program))
    const env = { ...process.env, ...environment }
    const child = spawn(path, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    child.once('exit', () => running.delete(child))
    this.#children.push(child)
    // Its last words are kept for `answer`; the pipes must be read, or the server would wait.
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => this.#hear(String(text)))
  }

  /** Tries `connect` until it succeeds; rejects when a process ends before, or after two minutes. */
  async answer<T>(connect: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    for (;;) {
      try {
        return await connect()
      } catch (error) {
        const hasEnded = this.#children.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)
        if (hasEnded || performance.now() - startMs > startMsMax)
          throw new Error(`the server does not answer: ${this.#lastWords}`, { cause: error })
      }
      await new Promise(resolve => setTimeout(resolve, tryEachMs))
    }
  }

  /** Kills the processes: nobody needs what they have stored. */
  async end(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  #hear(text: string): void {
    this.#lastWords = (this.#lastWords + text).slice(-2_000)
  }
}

/** Ports of loopback that are unused now. */
export async function unusedPorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  for (const server of servers) server.close()
  return ports
}

function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
