/**
 * The note of a partition host's last pass whose frames belong together: which logs it appended to, and from where to where.
 *
 * The partition host's thread owns the file `host-<n>.joint`, and overwrites it in place before the pass is written (group-commit.ts).
 * It survives the process. It survives a loss of power only after `sync`. The opener of the logs reads it, ends what is not whole
 * (half-done.ts), and clears it. So a note is of the host that writes now, or of the one before.
 *
 * ```
 *  0 u32 crc        CRC-32 of all that follows
 *  4 u32 logs       how many
 *  8 u8  logId[16]
 * 24 of each log: u32 topic, u32 partition, f64 before, f64 after
 * ```
 *
 * A note that does not match its CRC is of a pass that wrote nothing else. Bound: 24 bytes for each partition of the host.
 */
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { ForeignFileError } from '../disk/log-errors.ts'
import { LOG_ID_BYTES } from '../format/journal-format.ts'

const LOGS = 4
const LOG_ID = 8
const HEADER_BYTES = 24
const LOG_BYTES = 24

/** A log, and its ends before and after the pass. */
export interface PassLog {
  readonly topic: number
  readonly partition: number
  readonly before: number
  readonly after: number
}

export function notePath(folder: string, host: number): string {
  return join(folder, `host-${host}.joint`)
}

/** Logs of the last note; none: there is no whole one. @throws ForeignFileError, DiskError */
export function readNote(disk: Disk, folder: string, host: number, logId: Uint8Array): readonly PassLog[] {
  const path = notePath(folder, host)
  if (!disk.list(folder).includes(basename(path))) return []
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.alloc(file.size())
    return decode(path, bytes.subarray(0, file.read(bytes, 0)), logId)
  } finally {
    file.close()
  }
}

function decode(path: string, bytes: Buffer, logId: Uint8Array): PassLog[] {
  if (bytes.length < HEADER_BYTES) return []
  const length = HEADER_BYTES + bytes.readUInt32LE(LOGS) * LOG_BYTES
  if (length > bytes.length || crc32(bytes.subarray(LOGS, length)) !== bytes.readUInt32LE(0)) return []
  if (!bytes.subarray(LOG_ID, LOG_ID + LOG_ID_BYTES).equals(logId))
    throw new ForeignFileError(path, 0, 'of another log')
  const logs: PassLog[] = []
  for (let at = HEADER_BYTES; at < length; at += LOG_BYTES)
    logs.push({
      topic: bytes.readUInt32LE(at),
      partition: bytes.readUInt32LE(at + 4),
      before: bytes.readDoubleLE(at + 8),
      after: bytes.readDoubleLE(at + 16),
    })
  return logs
}

function encode(logs: readonly PassLog[], logId: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + logs.length * LOG_BYTES)
  bytes.writeUInt32LE(logs.length, LOGS)
  bytes.set(logId, LOG_ID)
  for (const [index, { topic, partition, before, after }] of logs.entries()) {
    const at = HEADER_BYTES + index * LOG_BYTES
    bytes.writeUInt32LE(topic, at)
    bytes.writeUInt32LE(partition, at + 4)
    bytes.writeDoubleLE(before, at + 8)
    bytes.writeDoubleLE(after, at + 16)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(LOGS)), 0)
  return bytes
}

/** Removes the note of a host, for good: its pass has been judged. @throws DiskError */
export function clearNote(disk: Disk, folder: string, host: number): void {
  const path = notePath(folder, host)
  if (!disk.list(folder).includes(basename(path))) return
  disk.remove(path)
  disk.syncDirectory(folder)
}

export class PassNote {
  readonly #disk: Disk
  readonly #folder: string
  readonly #path: string
  readonly #logId: Uint8Array
  /** Null: nothing was noted yet. */
  #file: DiskFile | null = null

  /** Of a host without a note. */
  constructor(disk: Disk, folder: string, host: number, logId: Uint8Array) {
    this.#disk = disk
    this.#folder = folder
    this.#path = notePath(folder, host)
    this.#logId = logId
  }

  /** @throws DiskError */
  write(logs: readonly PassLog[]): void {
    this.#file ??= this.#disk.open(this.#path, 'create')
    this.#file.write([encode(logs, this.#logId)], 0)
  }

  /** Makes the last note survive a loss of power. @throws DiskError */
  sync(): void {
    this.#file?.sync()
    this.#disk.syncDirectory(this.#folder)
  }

  /** A log is about to be cut, which the last pass is not to be judged by. For good when this returns. @throws DiskError */
  clear(): void {
    this.#file?.truncate(0)
    this.#file?.sync()
  }

  close(): void {
    this.#file?.close()
  }
}
