/**
 * The file that makes a folder a broker's: the log id, which every other file of the folder repeats.
 *
 * ```
 *  0 u32 magic    "MRID"
 *  4 u32 version  1
 *  8 u8  logId[16]  drawn when the folder was made
 * 24 u32 0
 * 28 u32 crc      CRC-32 of bytes 0 to 27
 * ```
 *
 * The control thread, once per opening. The file is written whole under another name and then gets its own, so it is there
 * or not. A folder that has files of a broker but not this one is refused: a new id would make them all foreign.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk } from './disk.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from './log-errors.ts'
import { uniqueBytes } from './world-disk.ts'

export const IDENTITY_NAME = 'millrace.id'
const MAGIC = 0x44_49_52_4d
const VERSION = 1
const BYTES = 32
const CRC = 28

/** The log id of a folder; drawn and kept where the folder is new. @throws LogFileError, DiskError */
export function openIdentity(disk: Disk, folder: string): Uint8Array {
  disk.makeFolder(folder)
  const names = disk.list(folder)
  const path = join(folder, IDENTITY_NAME)
  if (!names.includes(IDENTITY_NAME)) {
    if (names.some(name => name === 'catalog' || name === 'topics'))
      throw new CorruptLogError(path, 0, 'the file is missing, and the folder has topics')
    makeIdentity(disk, folder, path, names.includes(`${IDENTITY_NAME}.new`))
  }
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.alloc(BYTES)
    const got = file.read(bytes, 0)
    if (got < BYTES) throw new CorruptLogError(path, got, 'the file is cut short')
    if (bytes.readUInt32LE(0) !== MAGIC) throw new ForeignFileError(path, 0, 'this is no identity of a log')
    if (crc32(bytes.subarray(0, CRC)) !== bytes.readUInt32LE(CRC))
      throw new CorruptLogError(path, 0, 'the file does not match its CRC')
    const version = bytes.readUInt32LE(4)
    if (version !== VERSION) throw new NewerFormatError(path, 4, `format ${version} is not known`, version)
    return new Uint8Array(bytes.subarray(8, 24))
  } finally {
    file.close()
  }
}

function makeIdentity(disk: Disk, folder: string, path: string, isLeft: boolean): void {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(VERSION, 4)
  bytes.set(uniqueBytes(16), 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC)), CRC)
  if (isLeft) disk.remove(`${path}.new`)
  const file = disk.open(`${path}.new`, 'create')
  try {
    file.write([bytes], 0)
    file.sync()
  } finally {
    file.close()
  }
  disk.rename(`${path}.new`, path)
  disk.syncDirectory(folder)
}
