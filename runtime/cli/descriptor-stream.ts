/**
 * Writes to an open descriptor of this process, such as standard output, and leaves it open.
 *
 * Main thread, which is never blocked: `process.stdout` would block it while the reader of a pipe is slow. Pipes and
 * sockets do not block where `process.stdout` has been used, and threads use it. A write then fails with EAGAIN while
 * there is no room. The streams of `node:fs` try that five times at once and fail with an unhelpful error. This one
 * waits and tries again, at most PAUSE_MS_MAX later.
 */
import { write } from 'node:fs'
import { Writable } from 'node:stream'

const PAUSE_MS_MAX = 50

export class DescriptorStream extends Writable {
  readonly #descriptor: number
  readonly #writeTo: typeof write

  /** A test may have another `write`. */
  constructor(descriptor: number, writeTo: typeof write = write) {
    super({ decodeStrings: true })
    this.#descriptor = descriptor
    this.#writeTo = writeTo
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeAll(bytes, 1, done)
  }

  #writeAll(bytes: Buffer, pauseMs: number, done: (error?: Error | null) => void): void {
    this.#writeTo(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null && error.code !== 'EAGAIN') done(error)
      else if (error === null && written === bytes.length) done()
      else if (error === null && written > 0) this.#writeAll(bytes.subarray(written), 1, done)
      else setTimeout(() => this.#writeAll(bytes, Math.min(2 * pauseMs, PAUSE_MS_MAX), done), pauseMs)
    })
  }
}
