/**
 * Lines on standard error that harm nobody: what is not printable is escaped, and where nobody reads any more they are lost.
 *
 * Any thread. A pipe whose reader went away makes `process.stderr` raise an error, which is the end of a process that does
 * not listen for it. A broker's status is not worth that.
 */
import { printableLine } from './printable.ts'

/** What of `process.stderr` is used here. */
export type LineStream = Pick<NodeJS.WriteStream, 'write' | 'listeners' | 'once'>

export function toStderr(text: string, stream: LineStream = process.stderr): void {
  stream.write(`${printableLine(text)}\n`, error => {
    if (error === null || error === undefined) return
    // The event comes after this call. Others who listen may be pipes of workers, who raise it again if they are alone.
    if (!stream.listeners('error').includes(ignore)) stream.once('error', ignore)
  })
}

function ignore(): void {}
