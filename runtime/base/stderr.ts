/**
 * Lines on standard error: unprintable characters are escaped, and lines are dropped once the stream has no reader.
 *
 * Any thread. A pipe without a reader makes `process.stderr` raise an error, which ends a process that does not listen
 * for it. A broker's status is not worth that.
 */
import { printableLine } from './printable.ts'

/** The part of `process.stderr` that is used here. */
export type LineStream = Pick<NodeJS.WriteStream, 'write' | 'listeners' | 'once'>

export function toStderr(text: string, stream: LineStream = process.stderr): void {
  stream.write(`${printableLine(text)}\n`, error => {
    if (error === null || error === undefined) return
    // The event comes after this call. Other listeners may be pipes of workers, which raise the error again if they are
    // alone.
    if (!stream.listeners('error').includes(ignore)) stream.once('error', ignore)
  })
}

function ignore(): void {}
