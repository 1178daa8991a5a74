/**
 * The bytes of a file of records: a header, then records one after the other, each whole or not there.
 *
 * State logs are such files, and so is what the queues of a host have settled (settled-format.ts). They differ in the
 * first magic and in the bodies.
 *
 * ```
 *  0 u32 magic            "MSTL", or "MSET" of settlements; header and records keep magic, version and CRC in their places in all versions
 *  4 u16 version          2; in version 1 there are no extents, and records begin at byte 32
 *  6 u16 0
 *  8 u8  logId[16]
 * 24 u32 madeBytes        size of the file when it got its name; so much was synced before
 * 28 u32 crc              CRC-32 of bytes 0 to 27
 * 32 extent, extent       how long the file is: the one with the higher number holds, and what is durable of the two is not
 *                         written over until the other one is durable
 * 96 records
 * ```
 *
 * An extent. It is written after the bytes that it covers, and never synced for its own sake:
 *
 * ```
 *  0 f64 number           from 1, more each time; an odd one is the first of the two
 *  8 f64 syncedBytes      of the file, durable: if any are missing or changed, that is damage
 * 16 f64 writtenBytes     of the file
 * 24 u32 0
 * 28 u32 crc              CRC-32 of bytes 0 to 27
 * ```
 *
 * A record, at a multiple of 8:
 *
 * ```
 *  0 u32 magic            "SREC"
 *  4 u32 bodyBytes        without padding
 *  8 f64 sequence         from 1 in each file, one more than that of the record before
 * 16 f64 syncedBelow      records of a lower sequence were synced before this one was written
 * 24 f64 position         of this record in its file
 * 32 u32 bodyCrc          CRC-32 of body and padding
 * 36 u32 headerCrc        CRC-32 of bytes 0 to 35
 * 40 body                 padded with zeroes. Of a state log JSON in UTF-8: an array of [key, value], or [key] where the
 *                         entry is deleted
 * ```
 *
 * Leaf, any thread. Little-endian. A record has at most STATE_RECORD_BYTES_MAX.
 */
import { crc32 } from 'node:zlib'

export const STATE_HEADER_BYTES = 96
export const STATE_RECORD_HEADER_BYTES = 40
export const STATE_VERSION = 2
/** Bytes of the header proper; version 1 has no more. */
const HEADER_BYTES = 32
const EXTENT_BYTES = 32
export const STATE_RECORD_BYTES_MAX: number = 16 * 1_024 * 1_024
/** What the records of a file are about. */
export type RecordFileKind = 'state' | 'settled'
/** "MSTL", "MSET" */
const FILE_MAGICS: Readonly<Record<RecordFileKind, number>> = { state: 0x4c_54_53_4d, settled: 0x54_45_53_4d }
/** "SREC" */
export const STATE_RECORD_MAGIC = 0x43_45_52_53
export const STATE_ALIGN_BYTES = 8

const LOG_ID = 8
const MADE_BYTES = 24
const FILE_CRC = 28
const EXTENT_SYNCED = 8
const EXTENT_WRITTEN = 16
const EXTENT_CRC = 28
const BODY_BYTES = 4
const SEQUENCE = 8
const SYNCED_BELOW = 16
const POSITION = 24
const BODY_CRC = 32
const HEADER_CRC = 36

/** One entry of a record; without a value where it is deleted. */
export type StateChange = readonly [key: string, value?: unknown]

export interface StateRecord {
  readonly sequence: number
  readonly syncedBelow: number
  readonly position: number
  /** Length with header and padding. */
  readonly bytes: number
  readonly body: Buffer
}

/** How long a file is said to be. */
export interface StateExtent {
  readonly number: number
  readonly syncedBytes: number
  readonly writtenBytes: number
}

/** The bytes of an extent, and where they go. */
export function stateExtent({ number, syncedBytes, writtenBytes }: StateExtent): {
  readonly bytes: Buffer
  readonly position: number
} {
  // Of the pool: it is written with each record.
  const bytes = Buffer.allocUnsafe(EXTENT_BYTES).fill(0)
  bytes.writeDoubleLE(number, 0)
  bytes.writeDoubleLE(syncedBytes, EXTENT_SYNCED)
  bytes.writeDoubleLE(writtenBytes, EXTENT_WRITTEN)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, EXTENT_CRC)), EXTENT_CRC)
  return { bytes, position: HEADER_BYTES + (number % 2 === 1 ? 0 : EXTENT_BYTES) }
}

/** Whether two numbers are of the same one of a file's two extents. */
export function isSameExtent(a: number, b: number): boolean {
  return a % 2 === b % 2
}

function readExtent(bytes: Buffer, at: number): StateExtent | null {
  const crc = bytes.readUInt32LE(at + EXTENT_CRC)
  if (crc32(bytes.subarray(at, at + EXTENT_CRC)) !== crc) return null
  const syncedBytes = bytes.readDoubleLE(at + EXTENT_SYNCED)
  return { number: bytes.readDoubleLE(at), syncedBytes, writtenBytes: bytes.readDoubleLE(at + EXTENT_WRITTEN) }
}

/** Header and extents of a file that is made with so many bytes. */
export function stateHeader(logId: Uint8Array, madeBytes: number, kind: RecordFileKind = 'state'): Buffer {
  const bytes = Buffer.alloc(STATE_HEADER_BYTES)
  bytes.writeUInt32LE(FILE_MAGICS[kind], 0)
  bytes.writeUInt16LE(STATE_VERSION, 4)
  bytes.set(logId, LOG_ID)
  bytes.writeUInt32LE(madeBytes, MADE_BYTES)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, FILE_CRC)), FILE_CRC)
  const extent = stateExtent({ number: 1, syncedBytes: madeBytes, writtenBytes: madeBytes })
  bytes.set(extent.bytes, extent.position)
  return bytes
}

export interface StateHeader {
  readonly version: number
  readonly logId: Buffer
  readonly madeBytes: number
  /** Position of the first record. */
  readonly begin: number
  /** Null: it has none, or none that is whole. */
  readonly extent: StateExtent | null
}

/** Content of a file's header, or the reason why there is none. */
export function readStateHeader(
  bytes: Buffer,
  kind: RecordFileKind = 'state',
): StateHeader | 'foreign' | 'bad' | 'short' {
  if (bytes.length < HEADER_BYTES) return 'short'
  if (bytes.readUInt32LE(0) !== FILE_MAGICS[kind]) return 'foreign'
  if (crc32(bytes.subarray(0, FILE_CRC)) !== bytes.readUInt32LE(FILE_CRC)) return 'bad'
  const logId = bytes.subarray(LOG_ID, MADE_BYTES)
  const header = { version: bytes.readUInt16LE(4), logId, madeBytes: bytes.readUInt32LE(MADE_BYTES) }
  if (header.version === 1) return { ...header, begin: HEADER_BYTES, extent: null }
  if (bytes.length < STATE_HEADER_BYTES) return 'short'
  const extents = [readExtent(bytes, HEADER_BYTES), readExtent(bytes, HEADER_BYTES + EXTENT_BYTES)]
  const [extent = null] = extents.filter(each => each !== null).sort((a, b) => b.number - a.number)
  return { ...header, begin: STATE_HEADER_BYTES, extent }
}

/** A record as one piece; a text is written in UTF-8. */
export function stateRecord(
  body: string | Uint8Array,
  sequence: number,
  syncedBelow: number,
  position: number,
): Buffer {
  const bodyBytes = Buffer.byteLength(body)
  const bytes = Buffer.allocUnsafe(recordBytes(bodyBytes)).fill(0)
  if (typeof body === 'string') bytes.write(body, STATE_RECORD_HEADER_BYTES)
  else bytes.set(body, STATE_RECORD_HEADER_BYTES)
  bytes.writeUInt32LE(STATE_RECORD_MAGIC, 0)
  bytes.writeUInt32LE(bodyBytes, BODY_BYTES)
  bytes.writeDoubleLE(sequence, SEQUENCE)
  bytes.writeDoubleLE(syncedBelow, SYNCED_BELOW)
  bytes.writeDoubleLE(position, POSITION)
  bytes.writeUInt32LE(crc32(bytes.subarray(STATE_RECORD_HEADER_BYTES)), BODY_CRC)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC)), HEADER_CRC)
  return bytes
}

function recordBytes(bodyBytes: number): number {
  return STATE_RECORD_HEADER_BYTES + Math.ceil(bodyBytes / STATE_ALIGN_BYTES) * STATE_ALIGN_BYTES
}

/** The record whose header these bytes are, from `position` of a file of `size` bytes, without its body; or the fault. */
export function readRecordHeader(
  bytes: Buffer,
  position: number,
  size: number,
): (Omit<StateRecord, 'body'> & { readonly bodyBytes: number; readonly bodyCrc: number }) | string {
  if (bytes.length < STATE_RECORD_HEADER_BYTES) return 'the file ends within a record'
  if (bytes.readUInt32LE(0) !== STATE_RECORD_MAGIC) return 'no record begins here'
  if (crc32(bytes.subarray(0, HEADER_CRC)) !== bytes.readUInt32LE(HEADER_CRC)) return 'a header’s CRC is wrong'
  if (bytes.readDoubleLE(POSITION) !== position) return 'a record of another place'
  const bodyBytes = bytes.readUInt32LE(BODY_BYTES)
  const whole = recordBytes(bodyBytes)
  if (whole > STATE_RECORD_BYTES_MAX || position + whole > size) return 'a record is longer than the file'
  const sequence = bytes.readDoubleLE(SEQUENCE)
  const syncedBelow = bytes.readDoubleLE(SYNCED_BELOW)
  return { sequence, syncedBelow, position, bytes: whole, bodyBytes, bodyCrc: bytes.readUInt32LE(BODY_CRC) }
}
