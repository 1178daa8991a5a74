/**
 * System properties of this process, and of a folder, for a lock.
 *
 * Leaf, any thread; it reads a few small files, and changes nothing. A property that the system does not give is null.
 */
import { fstatSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Holder, Listed } from './lock-holder.ts'

/**
 * File systems that other machines, or other kernels of this one, may have as well, by their magic numbers on Linux.
 * Source: statfs(2), and include/uapi/linux/magic.h of Linux.
 */
const SHARED: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x01021997, // 9p
  0x65735546, // FUSE, and virtiofs
  0x5346414f, // AFS
  0x00c36400, // Ceph
  0x73757245, // Coda
  0x7461636f, // OCFS2
  0x01161970, // GFS2
  0x47504653, // GPFS
  0x0bd00bd0, // Lustre
  0x19830326, // BeeGFS
  0x786f4256, // VirtualBox
  0xbacbacbc, // VMware
  0x7c7c6673, // Parallels
  0x564c, // NCP
])

/** This process as a holder of the folder, which has no door yet. `folder`: an open descriptor of it, null where there are none. */
export function describeSelf(directory: string, folder: number | null, token: string): Holder {
  const { dev, ino } = folder === null ? statSync(directory, { bigint: true }) : fstatSync(folder, { bigint: true })
  return {
    pid: process.pid,
    start: listed(process.pid)?.start ?? null,
    host: hostname(),
    token,
    boot: said(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: said(() => readlinkSync('/proc/self/ns/pid')),
    folder: `${dev}:${ino}`,
    fileSystem: fileSystemOf(directory),
    door: 'none',
  }
}

function fileSystemOf(directory: string): Holder['fileSystem'] {
  if (process.platform !== 'linux') return 'unknown'
  const type = said(() => statfsSync(directory).type)
  if (type === null) return 'unknown'
  // The number is of 32 bits, and some systems give it a sign.
  return SHARED.has(type >>> 0) ? 'shared' : 'local'
}

function said<T>(ask: () => T): T | null {
  try {
    return ask()
  } catch {
    return null
  }
}

/** Whether a process of this id is in the table of processes that this one sees, and when it started. */
export function listed(pid: number): Listed {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // A process that may not be signalled is there.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
  }
  const text = said(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (text === null) return { start: null }
  // The name of the program is in parentheses, and may itself hold some.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended.
  return fields[0] === 'Z' || fields[0] === 'X' ? null : { start: fields[19] ?? null }
}
