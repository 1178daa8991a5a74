/**
 * The bytes of a journal: blocks one after the other, each with whole frames of one partition, or a mark.
 *
 * ```
 *  0 u32 magic            "MJRN"
 *  4 u16 version          2; magic, version and the place of the header's CRC stay as they are in all versions
 *  6 u16 kind             1: frames; 2: mark. Reserved: 3: what a queue has settled; 4: a redo record. Version 1 has 1 and 2
 *  8 f64 sequence         of the block, over both files and for ever; from 1
 * 16 u8  logId[16]
 * 32 u32 host
 * 36 u32 position         of this block in its file
 * 40 u32 index            of this block in its group commit
 * 44 u32 topic            id
 * 48 u32 partition
 * 52 u32 bodyBytes        without padding; 0 for a mark, and where the partition is cut to baseOffset
 * 56 f64 baseOffset       of a mark: the first sequence that is still needed
 * 64 f64 endOffset        offset after the last record
 * 72 u32 bodyCrc          CRC-32 of body and padding
 * 76 u32 fileBytes        size of the file, which never changes
 * 80 u32 groupBlocks      blocks of its group commit; 0: not said, as code of before wrote it
 * 84 u32 headerCrc        CRC-32 of bytes 0 to 83
 * 88 body                 frames (frame.ts), padded with zeroes to a multiple of 8
 * ```
 *
 * A mark says that every block with a lower sequence than its `baseOffset` is in synced segments. Eight zero bytes
 * follow each group commit, in the place of the next magic, so that the end differs from a torn block.
 *
 * A group commit counts whole or not at all: what a loss of power has torn of the last one is none of its blocks.
 *
 * A block was acknowledged, whatever its kind is. So one of a kind that is not known here is never passed over while it is
 * needed: the journal is refused as that of a later version. One below the highest mark is needed no more.
 *
 * Leaf, any thread. Little-endian. A header that reads as valid was signed for this log, this host and this very place.
 */
import { crc32 } from 'node:zlib'

export const BLOCK_HEADER_BYTES = 88
export const BLOCK_VERSION = 2
export const BLOCK_FRAMES = 1
export const BLOCK_MARK = 2
export const LOG_ID_BYTES = 16
/** Blocks begin at multiples of it. */
export const BLOCK_ALIGN_BYTES = 8
/** Zeroes behind a group commit. */
export const BLOCK_END_BYTES = 8
/** Files are made whole under another name, so none is ever smaller. Room for a page and marks. */
export const JOURNAL_BYTES_MIN = 4_096
/** "MJRN" */
export const BLOCK_MAGIC = 0x4e_52_4a_4d

const KIND = 6
const SEQUENCE = 8
const LOG_ID = 16
const HOST = 32
const POSITION = 36
const INDEX = 40
const TOPIC = 44
const PARTITION = 48
const BODY_BYTES = 52
const BASE_OFFSET = 56
const END_OFFSET = 64
const BODY_CRC = 72
const FILE_BYTES = 76
const GROUP_BLOCKS = 80
const HEADER_CRC = 84

export interface BlockHeader {
  readonly kind: number
  readonly sequence: number
  readonly position: number
  readonly index: number
  readonly topic: number
  readonly partition: number
  readonly bodyBytes: number
  readonly baseOffset: number
  readonly endOffset: number
  readonly bodyCrc: number
  readonly fileBytes: number
  /** Blocks of its group commit; 0: unknown. */
  readonly groupBlocks: number
}

/** Owner of the file that holds a block. */
export interface BlockOwner {
  readonly logId: Uint8Array
  readonly host: number
}

/** Bytes that a body takes, with its padding. */
export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_ALIGN_BYTES) * BLOCK_ALIGN_BYTES
}

/** Bytes that a whole block takes. */
export function blockBytes(bodyBytes: number): number {
  return BLOCK_HEADER_BYTES + paddedBytes(bodyBytes)
}

/** Writes and signs a header. */
export function writeBlockHeader(into: Buffer, at: number, owner: BlockOwner, header: BlockHeader): void {
  into.writeUInt32LE(BLOCK_MAGIC, at)
  into.writeUInt16LE(BLOCK_VERSION, at + 4)
  into.writeUInt16LE(header.kind, at + KIND)
  into.writeDoubleLE(header.sequence, at + SEQUENCE)
  into.set(owner.logId, at + LOG_ID)
  into.writeUInt32LE(owner.host, at + HOST)
  into.writeUInt32LE(header.position, at + POSITION)
  into.writeUInt32LE(header.index, at + INDEX)
  into.writeUInt32LE(header.topic, at + TOPIC)
  into.writeUInt32LE(header.partition, at + PARTITION)
  into.writeUInt32LE(header.bodyBytes, at + BODY_BYTES)
  into.writeDoubleLE(header.baseOffset, at + BASE_OFFSET)
  into.writeDoubleLE(header.endOffset, at + END_OFFSET)
  into.writeUInt32LE(header.bodyCrc >>> 0, at + BODY_CRC)
  into.writeUInt32LE(header.fileBytes, at + FILE_BYTES)
  into.writeUInt32LE(header.groupBlocks, at + GROUP_BLOCKS)
  into.writeUInt32LE(crc32(into.subarray(at, at + HEADER_CRC)), at + HEADER_CRC)
}

/** The header at `at` of these bytes, which stand at `position` of the file; or why there is none. */
export function readBlockHeader(bytes: Buffer, at: number, owner: BlockOwner, position: number): BlockHeader | string {
  if (bytes.length - at < BLOCK_HEADER_BYTES) return 'the file ends'
  if (bytes.readUInt32LE(at) !== BLOCK_MAGIC) return 'no block begins here'
  if (crc32(bytes.subarray(at, at + HEADER_CRC)) !== bytes.readUInt32LE(at + HEADER_CRC))
    return 'a header’s CRC is wrong'
  const foreign = !bytes.subarray(at + LOG_ID, at + HOST).equals(owner.logId)
  const version = bytes.readUInt16LE(at + 4)
  if (version === 0 || version > BLOCK_VERSION || foreign || bytes.readUInt32LE(at + HOST) !== owner.host)
    return 'a block of another log, host or version'
  if (bytes.readUInt32LE(at + POSITION) !== position) return 'a block of another place'
  return {
    kind: bytes.readUInt16LE(at + KIND),
    sequence: bytes.readDoubleLE(at + SEQUENCE),
    position,
    index: bytes.readUInt32LE(at + INDEX),
    topic: bytes.readUInt32LE(at + TOPIC),
    partition: bytes.readUInt32LE(at + PARTITION),
    bodyBytes: bytes.readUInt32LE(at + BODY_BYTES),
    baseOffset: bytes.readDoubleLE(at + BASE_OFFSET),
    endOffset: bytes.readDoubleLE(at + END_OFFSET),
    bodyCrc: bytes.readUInt32LE(at + BODY_CRC),
    fileBytes: bytes.readUInt32LE(at + FILE_BYTES),
    groupBlocks: bytes.readUInt32LE(at + GROUP_BLOCKS),
  }
}

/** The owner of the block at the begin of these bytes, if its header is whole, of any log and version. */
export function readBlockOwner(bytes: Buffer): (BlockOwner & { readonly version: number }) | null {
  if (bytes.length < BLOCK_HEADER_BYTES || bytes.readUInt32LE(0) !== BLOCK_MAGIC) return null
  if (crc32(bytes.subarray(0, HEADER_CRC)) !== bytes.readUInt32LE(HEADER_CRC)) return null
  return { version: bytes.readUInt16LE(4), logId: bytes.subarray(LOG_ID, HOST), host: bytes.readUInt32LE(HOST) }
}
