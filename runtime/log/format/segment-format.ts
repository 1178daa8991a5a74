/**
 * The file of one segment: a header that names its owner, then frames (frame.ts) back to back.
 *
 * ```
 *  0 u32 magic            'MRLS'
 *  4 u16 format version   1; a reader refuses what it does not know
 *  6 u16 0
 *  8 16 bytes log id      of the broker's whole log, drawn when it was made
 * 24 u32 topic id
 * 28 u32 partition
 * 32 u32 baseOffset low   36 u32 high        of the first frame; the file's name says the same
 * 40 f64 created          ms since the epoch
 * 48 12 bytes 0
 * 60 u32 headerCrc        CRC-32 of bytes 4 to 59
 * 64 frames, each a multiple of 8 bytes
 * ```
 *
 * Leaf, any thread. Little-endian. The name is the base offset in 20 digits and `.log`, so that names sort as offsets
 * do. Every later format keeps these 64 bytes, so their CRC can be checked before the version. The magic is not under
 * the CRC: a header with only a wrong magic is damaged, not foreign.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { DiskFile } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import { highOf, joinOffset } from './frame.ts'

export const SEGMENT_HEADER_BYTES = 64
export const LOG_ID_BYTES = 16
/** Positions in a segment are kept in 32 bits. */
export const SEGMENT_BYTES_MAX: number = 2 ** 31
const SEGMENT_MAGIC = 0x534c_524d
const MAGIC_BYTES: Buffer = Buffer.from('MRLS')
const SEGMENT_VERSION = 1
const HEADER_MAGIC = 0
const HEADER_VERSION = 4
const HEADER_LOG_ID = 8
const HEADER_TOPIC = 24
const HEADER_PARTITION = 28
const HEADER_BASE_OFFSET = 32
const HEADER_CREATED = 40
const HEADER_CRC = 60

/** Owner of segments. */
export interface LogIdentity {
  /** LOG_ID_BYTES bytes. */
  readonly logId: Uint8Array
  readonly topic: number
  readonly partition: number
}

/** Settings that the writer and the readers of one partition's log share. */
export interface LogSettings extends LogIdentity {
  /** Size at which a segment is closed. A larger append has a segment of its own. */
  readonly segmentBytes: number
  /** Size of the largest frame. */
  readonly frameBytesMax: number
}

export interface SegmentHeader extends LogIdentity {
  readonly baseOffset: number
  readonly createdMs: number
}

const LOG_NAME = /^(\d{20})\.log$/
const JOINED_NAME = /^(\d{20})\.joined$/
const NEW_NAME = /^(\d{20})\.log\.new$/
const INDEX_NAME = /^(\d{20})\.index$/

function digits(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

export function segmentPath(folder: string, baseOffset: number): string {
  return join(folder, `${digits(baseOffset)}.log`)
}

/** Path of what is to take the place of a segment, while it is written (segment-writer.ts). */
export function newSegmentPath(folder: string, baseOffset: number): string {
  return `${segmentPath(folder, baseOffset)}.new`
}

/** Path of what has taken the places of several segments, until those are gone (join-segments.ts). */
export function joinedPath(folder: string, baseOffset: number): string {
  return join(folder, `${digits(baseOffset)}.joined`)
}

/** Path of the index beside a segment (segment-index.ts). */
export function indexPath(folder: string, baseOffset: number): string {
  return join(folder, `${digits(baseOffset)}.index`)
}

/** Base offsets of the segments among these sorted names, ascending. */
export function segmentBases(names: readonly string[]): number[] {
  return basesOf(names, LOG_NAME)
}

/** Base offsets of what has taken the places of several segments, ascending. */
export function joinedBases(names: readonly string[]): number[] {
  return basesOf(names, JOINED_NAME)
}

/** Base offsets of segments that were being written to take others' places, ascending. */
export function newSegmentBases(names: readonly string[]): number[] {
  return basesOf(names, NEW_NAME)
}

/** Base offsets of the indexes among these sorted names, ascending. */
export function indexBases(names: readonly string[]): number[] {
  return basesOf(names, INDEX_NAME)
}

function basesOf(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap(name => {
    const base = Number(pattern.exec(name)?.[1] ?? Number.NaN)
    return Number.isSafeInteger(base) ? [base] : []
  })
}

export function encodeSegmentHeader(identity: LogIdentity, baseOffset: number, createdMs: number): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  bytes.writeUInt32LE(SEGMENT_MAGIC, HEADER_MAGIC)
  bytes.writeUInt16LE(SEGMENT_VERSION, HEADER_VERSION)
  bytes.set(identity.logId, HEADER_LOG_ID)
  bytes.writeUInt32LE(identity.topic, HEADER_TOPIC)
  bytes.writeUInt32LE(identity.partition, HEADER_PARTITION)
  bytes.writeUInt32LE(baseOffset % 2 ** 32, HEADER_BASE_OFFSET)
  bytes.writeInt32LE(highOf(baseOffset), HEADER_BASE_OFFSET + 4)
  bytes.writeDoubleLE(createdMs, HEADER_CREATED)
  bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_VERSION, HEADER_CRC)), HEADER_CRC)
  return bytes
}

/**
 * Content of a segment's header. Throws `CorruptLogError` for a torn or damaged header, `ForeignFileError` where there
 * never was one, and `NewerFormatError`.
 */
export function readSegmentHeader(file: DiskFile): SegmentHeader {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  const got = file.read(bytes, 0)
  // A power cut leaves the name of a new segment without its bytes, or with zeros in the place of nearly all of them.
  if (got < SEGMENT_HEADER_BYTES) throw new CorruptLogError(file.path, got, 'the header is cut short')
  if (bytes.every((byte, at) => byte === 0 || (at < HEADER_VERSION && byte === MAGIC_BYTES[at])))
    throw new CorruptLogError(file.path, 0, 'the header was never written')
  const isMarked = bytes.readUInt32LE(HEADER_MAGIC) === SEGMENT_MAGIC
  const isSigned = crc32(bytes.subarray(HEADER_VERSION, HEADER_CRC)) === bytes.readUInt32LE(HEADER_CRC)
  if (!isMarked && !isSigned) throw new ForeignFileError(file.path, HEADER_MAGIC, 'this is no segment of a log')
  if (!isMarked) throw new CorruptLogError(file.path, HEADER_MAGIC, 'the magic of the header is wrong')
  if (!isSigned) throw new CorruptLogError(file.path, HEADER_VERSION, 'the header does not match its CRC')
  const version = bytes.readUInt16LE(HEADER_VERSION)
  if (version !== SEGMENT_VERSION)
    throw new NewerFormatError(file.path, HEADER_VERSION, `format ${version} is not known, only ${SEGMENT_VERSION}`)
  return {
    logId: new Uint8Array(bytes.subarray(HEADER_LOG_ID, HEADER_LOG_ID + LOG_ID_BYTES)),
    topic: bytes.readUInt32LE(HEADER_TOPIC),
    partition: bytes.readUInt32LE(HEADER_PARTITION),
    baseOffset: joinOffset(bytes.readInt32LE(HEADER_BASE_OFFSET), bytes.readInt32LE(HEADER_BASE_OFFSET + 4)),
    createdMs: bytes.readDoubleLE(HEADER_CREATED),
  }
}

/** Throws, as `readSegmentHeader` does, unless the file is the segment of this log that its name says. */
export function checkSegment(file: DiskFile, identity: LogIdentity, baseOffset: number): SegmentHeader {
  const header = readSegmentHeader(file)
  if (Buffer.compare(header.logId, identity.logId) !== 0)
    throw new ForeignFileError(file.path, HEADER_LOG_ID, 'the segment belongs to another log')
  if (header.topic !== identity.topic || header.partition !== identity.partition) {
    const whose = `topic ${header.topic} partition ${header.partition}`
    throw new ForeignFileError(file.path, HEADER_TOPIC, `the segment belongs to ${whose}`)
  }
  if (header.baseOffset !== baseOffset)
    throw new ForeignFileError(file.path, HEADER_BASE_OFFSET, `the segment begins at offset ${header.baseOffset}`)
  return header
}
