/**
 * The file that makes a folder a broker's: the log id, which every other file of the folder repeats, and the folder's
 * version.
 *
 * ```
 *  0 u32 magic    "MRID"
 *  4 u32 version  of the folder: 6. From 2 on all files of a folder are there (store-files.ts); in 1 some were made late.
 *                 From 3 on frames and journal blocks are of version 2, and topics have a placement. From 4 on hosts have
 *                 a file of what queues have settled, and topics of queues are not for streams. From 5 on messages of
 *                 queues have times, and that file says more of them. From 6 on the catalog has exchanges, their
 *                 bindings and schedules
 *  8 u8  logId[16]  drawn when the folder was made
 * 24 u32 0
 * 28 u32 crc      CRC-32 of bytes 0 to 27
 * ```
 *
 * The control thread, once per opening. It is the commit mark of a folder. It is written first, under another name, and
 * gets its own name when all other files are made and durable. A folder with that name is therefore whole, or was
 * damaged. A folder with only the other name is completed. A folder with files of a broker but neither name is refused:
 * a new id would make them all foreign.
 *
 * The version is one for all formats of a folder. An opening raises it before it writes anything that code of before would not
 * know: that would take the end of a log for torn, and cut it. It refuses the folder instead, and loses nothing.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError, LogFileError, NewerFormatError } from '../disk/log-errors.ts'
import { uniqueBytes } from '../disk/world-disk.ts'
import { partitionsFolder } from './log-place.ts'

export const IDENTITY_NAME = 'millrace.id'
export const FOLDER_VERSION = 6
/** From this version on all files of a folder are there. */
export const WHOLE_VERSION = 2
/** From this version on each partition host has a file of what queues have settled. */
export const SETTLED_VERSION = 4
const UNCOMMITTED_NAME = `${IDENTITY_NAME}.new`
const MAGIC = 0x44_49_52_4d
const BYTES = 32
const LOG_ID = 8
const LOG_ID_END = 24
const CRC = 28

export interface FolderIdentity {
  readonly logId: Uint8Array
  /** 0: the folder is being made. */
  readonly version: number
}

/** Identity of a folder. @throws LogFileError, DiskError, where it has no identity, too */
export function readIdentity(disk: Disk, folder: string): FolderIdentity {
  return identityIn(disk, join(folder, IDENTITY_NAME))
}

/** The same, or that of a folder that is made from now on, in which nothing is missing yet. @throws LogFileError, DiskError */
export function beginIdentity(disk: Disk, folder: string): FolderIdentity {
  disk.makeFolder(folder)
  const names = disk.list(folder)
  if (names.includes(IDENTITY_NAME)) return readIdentity(disk, folder)
  const fresh = join(folder, UNCOMMITTED_NAME)
  const begun = names.includes(UNCOMMITTED_NAME) ? begunIn(disk, fresh) : null
  const isUsed = disk.list(partitionsFolder(folder)).length > 0
  if (isUsed || (begun === null && names.some(name => name === 'catalog' || name === 'topics')))
    throw new CorruptLogError(
      join(folder, IDENTITY_NAME),
      0,
      'the file is missing, and the folder has others of their names (if no broker made them, give another `dir`)',
    )
  if (begun !== null) {
    // The process that began may have died before it was durable.
    writeOnce(disk, fresh, 'write', begun.logId)
    disk.syncDirectory(folder)
    return { ...begun, version: 0 }
  }
  const logId = new Uint8Array(uniqueBytes(LOG_ID_END - LOG_ID))
  write(disk, folder, logId)
  // Files made from now on must not be found without it.
  disk.syncDirectory(folder)
  return { logId, version: 0 }
}

/** Declares that all files of a folder exist and are durable, and may be of this version. @throws DiskError */
export function commitIdentity(disk: Disk, folder: string, { logId, version }: FolderIdentity): void {
  if (version > 0) write(disk, folder, logId)
  disk.rename(join(folder, UNCOMMITTED_NAME), join(folder, IDENTITY_NAME))
  disk.syncDirectory(folder)
}

/** Identity of a folder that was begun; null: it is incomplete, and so no other file was made. */
function begunIn(disk: Disk, path: string): FolderIdentity | null {
  try {
    return identityIn(disk, path)
  } catch (error) {
    if (error instanceof NewerFormatError || !(error instanceof LogFileError)) throw error
    return null
  }
}

function identityIn(disk: Disk, path: string): FolderIdentity {
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.alloc(BYTES)
    const got = file.read(bytes, 0)
    if (got < BYTES) throw new CorruptLogError(path, got, 'the file is cut short')
    if (bytes.readUInt32LE(0) !== MAGIC) throw new ForeignFileError(path, 0, 'this is no identity of a log')
    if (crc32(bytes.subarray(0, CRC)) !== bytes.readUInt32LE(CRC))
      throw new CorruptLogError(path, 0, 'the file does not match its CRC')
    const version = bytes.readUInt32LE(4)
    if (version > FOLDER_VERSION) throw new NewerFormatError(path, 4, `format ${version} is not known`, version)
    return { logId: new Uint8Array(bytes.subarray(LOG_ID, LOG_ID_END)), version }
  } finally {
    file.close()
  }
}

function write(disk: Disk, folder: string, logId: Uint8Array): void {
  const path = join(folder, UNCOMMITTED_NAME)
  disk.remove(path)
  writeOnce(disk, path, 'create', logId)
}

/** The bytes of a file that is new, or has them already. */
function writeOnce(disk: Disk, path: string, how: 'create' | 'write', logId: Uint8Array): void {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(FOLDER_VERSION, 4)
  bytes.set(logId, LOG_ID)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC)), CRC)
  const file = disk.open(path, how)
  try {
    file.write([bytes], 0)
    file.sync()
  } finally {
    file.close()
  }
}
