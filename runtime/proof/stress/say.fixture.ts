/** Says a line on standard output; when it returns, the line is in the pipe, and survives this process. */
import { writeSync } from 'node:fs'

const nap = new Int32Array(new SharedArrayBuffer(4))

export function say(line: string): void {
  let bytes: Uint8Array = Buffer.from(`${line}\n`)
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes))
    } catch (error) {
      // The pipe is full, and its reader has not got to it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(nap, 0, 0, 1)
    }
  }
}
