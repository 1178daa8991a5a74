/**
 * The holder of a folder, as its lock file names it; and the test whether it has ended.
 *
 * Leaf, any thread; pure. A lock file is one line of JSON:
 *
 * ```
 * pid           of the process, in its own namespace
 * start         when the process started, in ticks since the machine did; null where the system does not say
 * host          name of the machine: for people to read
 * token         drawn for this holding of the folder
 * boot          of the kernel since it started; null where the system does not say, and in locks of earlier versions
 * pidNamespace  in which `pid` is counted; null as above
 * folder        device and inode of the folder
 * fileSystem    'local'; 'shared': other machines may have it, too; 'unknown'
 * door          how others ask whether the holder lives: 'socket' in the folder, 'pipe' (Windows), 'none'
 * ```
 *
 * A holder that answers at its socket lives, whatever else is known. Silence proves its death only where the same
 * kernel would have answered: a socket on a shared file system is silent for all machines but its holder's. Without a
 * socket the table of processes decides, where it is the same table. An unknown state is `elsewhere`, and counts as
 * held.
 */

/** How a holder can be asked whether it lives. */
export type Door = 'socket' | 'pipe' | 'none'

export interface Holder {
  readonly pid: number
  readonly start: string | null
  readonly host: string
  readonly token: string
  readonly boot: string | null
  readonly pidNamespace: string | null
  readonly folder: string | null
  readonly fileSystem: 'local' | 'shared' | 'unknown'
  readonly door: Door
}

/** State of a holder: it lives; it has ended; it cannot be known from here. */
export type Verdict = 'alive' | 'dead' | 'elsewhere'

/** Entry of a process id in the table of processes: none, or the start of its process (null: unknown). */
export type Listed = { readonly start: string | null } | null

const TOKEN = /^[0-9a-f-]{36}$/
const DOORS: readonly unknown[] = ['socket', 'pipe', 'none'] satisfies Door[]
const FILE_SYSTEMS: readonly unknown[] = ['local', 'shared', 'unknown'] satisfies Holder['fileSystem'][]

/** Content of a lock file; null: it does not name a holder. */
export function readHolder(text: string): Holder | null {
  let said: Partial<Record<keyof Holder, unknown>>
  try {
    said = (JSON.parse(text) ?? {}) as typeof said
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
  const { pid, start, host, token, boot = null, pidNamespace = null, folder = null } = said
  const { fileSystem = 'unknown', door = 'none' } = said
  const isText = (value: unknown): value is string | null => value === null || typeof value === 'string'
  const isWhole =
    Number.isSafeInteger(pid) && typeof host === 'string' && typeof token === 'string' && TOKEN.test(token)
  if (!isWhole || !isText(start) || !isText(boot) || !isText(pidNamespace) || !isText(folder)) return null
  if (!DOORS.includes(door) || !FILE_SYSTEMS.includes(fileSystem)) return null
  const known = { fileSystem: fileSystem as Holder['fileSystem'], door: door as Door }
  return { pid: pid as number, start, host, token, boot, pidNamespace, folder, ...known }
}

/** Whether both speak of one kernel: of one start of one machine, as far as can be known. */
export function isSameKernel(one: Holder, other: Holder): boolean {
  return one.boot === null || other.boot === null ? one.host === other.host : one.boot === other.boot
}

/** Whether `holder` means a process that `self` knows by the same number. */
export function isSameTable(holder: Holder, self: Holder): boolean {
  const { pidNamespace } = holder
  return (
    isSameKernel(holder, self) &&
    (pidNamespace === null || self.pidNamespace === null || pidNamespace === self.pidNamespace)
  )
}

/** Both see a file system that no other machine has. */
function isLocal(holder: Holder, self: Holder): boolean {
  return holder.fileSystem === 'local' && self.fileSystem === 'local'
}

/** State of a holder whose socket does not answer. */
export function unanswered(holder: Holder, self: Holder): Verdict {
  // A pipe is asked for by its name on this machine, wherever the folder is.
  if (holder.door === 'pipe') return isSameKernel(holder, self) ? 'dead' : 'elsewhere'
  return isSameKernel(holder, self) || isLocal(holder, self) ? 'dead' : 'elsewhere'
}

/** Whether the lock came into this folder with a copy of another one. */
export function isCopied(holder: Holder, self: Holder): boolean {
  if (holder.folder === null || self.folder === null || holder.folder === self.folder) return false
  // The numbers of a folder are the kernel's, and on some shared file systems not even those stay.
  return isSameKernel(holder, self) && holder.fileSystem !== 'shared' && self.fileSystem !== 'shared'
}

/** State of a holder without a socket, by the table of processes. `listed` is asked only where it is the holder's table. */
export function byTable(holder: Holder, self: Holder, listed: (pid: number) => Listed): Verdict {
  if (isCopied(holder, self)) return 'dead'
  if (!isSameKernel(holder, self)) return isLocal(holder, self) ? 'dead' : 'elsewhere'
  if (!isSameTable(holder, self)) return 'elsewhere'
  const process = listed(holder.pid)
  if (process === null) return 'dead'
  // Where the system hides processes of other users, an existing one counts as the holder.
  return process.start === null || holder.start === null || process.start === holder.start ? 'alive' : 'dead'
}
