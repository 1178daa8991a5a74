/** Refusals by Node's permission model (`--permission`), as coded errors that name the flag. Leaf, any thread. */
import { MillraceError } from '../words/errors.ts'

/** The error to throw in place of `error`; null: it is about something else. */
export function deniedError(error: unknown, dir: string | undefined): MillraceError | null {
  const denial = denialIn(error)
  if (denial === null) return null
  const text = textOf(denial, dir)
  return new MillraceError(denial.permission === 'WorkerThreads' ? 'MILL_THREAD_LOST' : 'MILL_DISK', text, {
    cause: error,
  })
}

interface Denial {
  readonly message: string
  readonly permission?: unknown
  readonly resource?: unknown
}

/** Errors of the disk have it as their cause. */
function denialIn(error: unknown, depth = 0): Denial | null {
  if (!(error instanceof Error) || depth > 5) return null
  if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return error as unknown as Denial
  return denialIn(error.cause, depth + 1)
}

function textOf({ message, permission, resource }: Denial, dir: string | undefined): string {
  if (permission === 'WorkerThreads')
    return 'this process may not start threads, and a broker needs some: run node with --allow-worker'
  if (/\bAPI is disabled\b/.test(message))
    return `a broker on disk must sync its files, which Node does not do under --permission (${message}): leave \`dir\` out, or run this process without --permission`
  const flag = permission === 'FileSystemRead' ? '--allow-fs-read' : '--allow-fs-write'
  return `this process may not use ${typeof resource === 'string' && resource !== '' ? resource : dir}: run node with ${flag}=${dir}`
}
