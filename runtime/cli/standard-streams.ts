/**
 * Standard output and error of the program: their owner, and the behaviour once they have no reader.
 *
 * Main thread. Threads of handlers print through this one, by `process.stdout` as it is when the broker is made.
 */
import { printable } from '../base/printable.ts'
import { fileFailure } from './failure.ts'

/** From now on output of handlers goes to standard error: standard output has lines of the program only. */
export function takeStandardOutput(): void {
  Object.defineProperty(process, 'stdout', { configurable: true, enumerable: true, get: () => process.stderr })
}

/** A reader that went away (`| head -1`) has seen what it wanted; without a listener it would end the process with a stack. */
export function bearClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/**
 * Writes lines of the program, each printable: a line of JSON stays that. Resolves when they are written.
 *
 * @throws Failure where they cannot be, unless their reader went away
 */
export async function sayAtTheEnd(lines: readonly string[], descriptor: 1 | 2): Promise<void> {
  const stream = descriptor === 1 ? ownOutput : process.stderr
  await new Promise<void>((resolve, reject) => {
    stream.write(`${lines.map(printable).join('\n')}\n`, error => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE')
        reject(fileFailure(descriptor === 1 ? 'standard output' : 'standard error', error))
      else resolve()
    })
  })
}

/** The real standard output, even when `process.stdout` was redirected. */
const ownOutput = process.stdout
