/**
 * Writes lines to a file or to standard output, in blocks of 64 KiB or once per turn of the event loop.
 *
 * Main thread. Bound: 64 KiB of its own and the stream's buffer; a writer that awaits the result of `write` adds no
 * more. Once the stream failed, lines are dropped and `failed` has rejected: the caller stops the run.
 */
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { fileFailure } from './failure.ts'

const BLOCK_BYTES = 65_536
const LINE_END: Uint8Array = Buffer.from('\n')

export class LineSink {
  /** Never resolves; rejects with the stream's error. */
  readonly failed: Promise<never>
  #lines = 0
  readonly #stream: Writable
  #open: Uint8Array[] = []
  #openBytes = 0
  #scheduled = false
  #broken = false
  #room: Promise<void> | undefined
  #giveRoom: () => void = () => {}

  /** `path` is the name of the stream in errors. A reader that went away is the stream's own `EPIPE`. */
  constructor(stream: Writable, path: string) {
    this.#stream = stream
    stream.on('drain', () => this.#makeRoom())
    this.failed = new Promise((_resolve, reject) => {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        this.#broken = true
        this.#open = []
        this.#makeRoom()
        reject(error.code === 'EPIPE' ? error : fileFailure(path, error))
      })
    })
    // The caller awaits it if needed; at the very end it may not.
    this.failed.catch(() => {})
  }

  get lines(): number {
    return this.#lines
  }

  /** Lines that were not written by then are lost. */
  get isBroken(): boolean {
    return this.#broken
  }

  /** `undefined` when there is room for more, else a promise of it. */
  write(line: Uint8Array): Promise<void> | undefined {
    if (this.#broken) return undefined
    this.#lines++
    this.#open.push(line, LINE_END)
    this.#openBytes += line.length + 1
    if (this.#openBytes >= BLOCK_BYTES) this.#flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => this.#flush())
    }
    return this.#room
  }

  /** Resolves when every line is written. */
  async end(): Promise<void> {
    this.#flush()
    this.#stream.end()
    await finished(this.#stream, { readable: false })
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#openBytes === 0 || this.#broken) return
    const block = Buffer.concat(this.#open, this.#openBytes)
    this.#open = []
    this.#openBytes = 0
    if (this.#stream.write(block) || this.#room !== undefined) return
    this.#room = new Promise(resolve => {
      this.#giveRoom = resolve
    })
  }

  #makeRoom(): void {
    this.#giveRoom()
    this.#room = undefined
  }
}
