/**
 * Reads what a partition host's journal (journal.ts) holds after a restart, and finds where it ends.
 *
 * Control thread, before the partition host starts; it writes nothing. Each of the two files holds a chain: valid
 * blocks from byte 0 on, of sequences without a gap. The chain with the higher sequences is the newer one. Blocks below
 * the highest mark are in synced segments and are not yielded. The journal ends at the end of the newer chain.
 *
 * The bytes behind the end show how it ended. The blocks of one group commit may be torn in any order, for they were
 * never acknowledged, and then none of them counts. But a block of a *later* group commit was written only after the one at the end had been synced,
 * so the end is damage then. The same holds for blocks that are needed and missing before the newer chain.
 *
 * Bounds: each file is read twice, and once more behind its end, in pieces of PIECE_BYTES. One body is in memory at a
 * time, and its size is checked against the file before it is allocated.
 */
import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import {
  BLOCK_ALIGN_BYTES,
  BLOCK_FRAMES,
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  BLOCK_MARK,
  BLOCK_VERSION,
  type BlockHeader,
  type BlockOwner,
  blockBytes,
  JOURNAL_BYTES_MIN,
  paddedBytes,
  readBlockHeader,
  readBlockOwner,
} from '../format/journal-format.ts'

const PIECE_BYTES = 256 * 1_024
const ENDS = 'nothing follows'
/** The magic number as it is in a file. */
const MAGIC: Buffer = Buffer.alloc(4)
MAGIC.writeInt32LE(BLOCK_MAGIC, 0)

/** Whole frames of one partition, which may or may not be in its segments. */
export interface RecoveredBlock {
  readonly topic: number
  readonly partition: number
  readonly baseOffset: number
  readonly endOffset: number
  /** Empty where the partition was cut to `baseOffset`. */
  readonly frames: Buffer
  /** Place of the block. */
  readonly file: string
  readonly position: number
}

/** Place and kind of a journal's end. */
export interface JournalEnd {
  /**
   * `end`: behind a whole group commit. `torn`: in one that was never acknowledged. `damaged`: acknowledged blocks from
   * here on cannot be read.
   */
  readonly state: 'end' | 'torn' | 'damaged'
  /** Null: there is no journal. */
  readonly file: string | null
  readonly position: number
  readonly why: string
  /** For `Journal.start`: the newer of the two files (-1: neither), the end of its chain, and the next sequence. */
  readonly newer: number
  readonly newerEnd: number
  /** Where the last group commit of the newer file begins: it alone may not be durable, since each was synced before the next. */
  readonly newerLast: number
  readonly sequence: number
  /** The highest sequence of any block anywhere in the files, of a chain or not. */
  readonly highest: number
  /** Whether blocks of the other file are needed too. */
  readonly needsOther: boolean
}

interface Chain {
  readonly path: string
  readonly file: DiskFile
  readonly size: number
  /** 0: the chain is empty. */
  readonly first: number
  readonly last: number
  /** Whether the file is shorter than it was made. */
  readonly isCut: boolean
  /** Whether a mark closed the chain, so that the other file is the next one. */
  readonly isClosed: boolean
  readonly keepFrom: number
  /** Where the last group commit begins. */
  readonly lastAt: number
  readonly end: number
  readonly why: string
}

/** Paths of the two files of a partition host. */
export function journalPaths(folder: string, host: number): readonly [string, string] {
  return [posix.join(folder, `host-${host}.journal-a`), posix.join(folder, `host-${host}.journal-b`)]
}

/**
 * Yields the blocks that may be needed, oldest first, and returns how the journal ended.
 *
 * A block whose base offset lies below the end of an earlier one of its partition replaces it from there on. A block
 * without frames says that the partition was cut there (journal-replay.ts). A foreign file, a newer version, or a block
 * of an unknown kind is refused.
 */
export function* recoverJournal(
  disk: Disk,
  folder: string,
  host: number,
  logId: Uint8Array,
): Generator<RecoveredBlock, JournalEnd, void> {
  const owner: BlockOwner = { logId, host }
  const names = new Set(disk.list(folder))
  const files: DiskFile[] = []
  try {
    const chains: (Chain | null)[] = []
    for (const path of journalPaths(folder, host)) {
      if (!names.has(posix.basename(path))) chains.push(null)
      else {
        const file = disk.open(path, 'read')
        files.push(file)
        chains.push(walk(file, owner))
      }
    }
    const end = judge(chains, owner)
    const [a, b] = chains
    const inOrder = (a?.first ?? 0) <= (b?.first ?? 0) ? [a, b] : [b, a]
    const keepFrom = Math.max(a?.keepFrom ?? 0, b?.keepFrom ?? 0)
    let next = keepFrom
    for (const chain of inOrder) {
      if (chain == null || chain.first === 0 || chain.last < next) continue
      // Nothing is handed out behind a gap.
      if (chain.first > next) break
      yield* blocksOf(chain, owner, keepFrom)
      next = chain.last + 1
    }
    return end
  } finally {
    for (const file of files) file.close()
  }
}

function headerAt(file: DiskFile, owner: BlockOwner, position: number): BlockHeader | string {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES)
  const read = file.read(bytes, position)
  // Eight zeroes end a group commit, whatever stale bytes lie behind them.
  if (read < BLOCK_HEADER_BYTES || bytes.readBigUInt64LE(0) === 0n) return ENDS
  return readBlockHeader(bytes, 0, owner, position)
}

/** Follows the blocks of a file from byte 0. */
function walk(file: DiskFile, owner: BlockOwner): Chain {
  refuseForeign(file, owner)
  const size = file.size()
  const isCut = size < JOURNAL_BYTES_MIN
  const chain = {
    path: file.path,
    file,
    size,
    first: 0,
    last: 0,
    isCut,
    isClosed: false,
    keepFrom: 0,
    lastAt: 0,
    end: 0,
  }
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size))
  // What is whole of the group commit that is being walked: it counts once all its blocks are there.
  let { end, last, lastAt: groupAt } = chain
  for (;;) {
    const header = headerAt(file, owner, end)
    if (typeof header === 'string') return { ...chain, why: header }
    if (last !== 0 && header.sequence !== last + 1)
      return { ...chain, why: `a block of sequence ${header.sequence} instead of ${last + 1}` }
    if (header.fileBytes > size) chain.isCut = true
    const after = end + blockBytes(header.bodyBytes)
    if (after > size) return { ...chain, why: 'a block is longer than the file' }
    if (!bodyIsWhole(file, header, piece)) return { ...chain, why: 'a body’s CRC is wrong' }
    last = header.sequence
    if (header.index === 0) groupAt = end
    end = after
    if (header.index + 1 < header.groupBlocks) continue
    if (chain.first === 0) chain.first = header.sequence - header.index
    else chain.isClosed = header.kind === BLOCK_MARK
    if (header.kind === BLOCK_MARK) chain.keepFrom = header.baseOffset
    chain.last = last
    chain.lastAt = groupAt
    chain.end = end
  }
}

function refuseForeign(file: DiskFile, owner: BlockOwner): void {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES)
  const found = readBlockOwner(bytes.subarray(0, file.read(bytes, 0)))
  if (found === null) return
  if (found.version > BLOCK_VERSION)
    throw new NewerFormatError(file.path, 0, `version ${found.version} of a journal`, found.version)
  if (Buffer.compare(found.logId, owner.logId) !== 0) throw new ForeignFileError(file.path, 0, 'of another log')
  if (found.host !== owner.host) throw new ForeignFileError(file.path, 0, `of host ${found.host}`)
}

function bodyIsWhole(file: DiskFile, header: BlockHeader, piece: Buffer): boolean {
  const bytes = paddedBytes(header.bodyBytes)
  let crc = 0
  for (let at = 0; at < bytes; ) {
    const part = piece.subarray(0, bytes - at)
    if (file.read(part, header.position + BLOCK_HEADER_BYTES + at) < part.length) return false
    crc = crc32(part, crc)
    at += part.length
  }
  return crc === header.bodyCrc
}

function* blocksOf(chain: Chain, owner: BlockOwner, keepFrom: number): Generator<RecoveredBlock, void, void> {
  for (let position = 0; position < chain.end; ) {
    const header = headerAt(chain.file, owner, position)
    if (typeof header === 'string') throw new CorruptLogError(chain.path, position, 'changed while it was read')
    if (header.sequence >= keepFrom && header.kind !== BLOCK_MARK) {
      if (header.kind !== BLOCK_FRAMES)
        throw new NewerFormatError(chain.path, position, `kind ${header.kind} of a journal’s block is not known`)
      const frames = Buffer.allocUnsafe(header.bodyBytes)
      chain.file.read(frames, position + BLOCK_HEADER_BYTES)
      const { topic, partition, baseOffset, endOffset } = header
      yield { topic, partition, baseOffset, endOffset, frames, file: chain.path, position }
    }
    position += blockBytes(header.bodyBytes)
  }
}

/** The end of the journal, and whether it is damage. */
function judge(chains: readonly (Chain | null)[], owner: BlockOwner): JournalEnd {
  const firstOf = (index: number): number => chains[index]?.first ?? 0
  const newer = firstOf(0) === 0 && firstOf(1) === 0 ? -1 : firstOf(0) > firstOf(1) ? 0 : 1
  const there = chains[newer] ?? null
  const other = chains[newer === -1 ? 0 : 1 - newer] ?? null
  const sequence = (there?.last ?? 0) + 1
  const keepFrom = Math.max(there?.keepFrom ?? 0, other?.keepFrom ?? 0)
  let highest = sequence - 1
  let isTorn = false
  let later: BlockHeader | null = null
  for (const chain of chains) {
    if (chain === null) continue
    for (const header of blocksBehind(chain, owner)) {
      highest = Math.max(highest, header.sequence)
      if (header.sequence >= sequence) isTorn = true
      if (header.sequence - header.index > sequence) later ??= header
    }
  }
  const needsOther = there !== null && keepFrom < there.first
  const cut = chains.find(chain => chain?.isCut)
  const resume = { newer, newerEnd: there?.end ?? 0, newerLast: there?.lastAt ?? 0, sequence, highest, needsOther }
  if (cut != null)
    return { state: 'damaged', file: cut.path, position: cut.size, why: 'the file is cut short', ...resume }
  if (needsOther && (other === null || other.first === 0 || other.first > keepFrom || other.last + 1 !== there.first)) {
    const why = `blocks before sequence ${there.first} are missing`
    return { state: 'damaged', file: other?.path ?? there.path, position: other?.end ?? 0, why, ...resume }
  }
  // A closed file continues at the start of the other, where blocks of an earlier round lie until the first new one.
  const isNext = there === null || (there.isClosed && other !== null && other.first === 0)
  const last = isNext ? other : there
  if (last === null) return { state: 'end', file: there?.path ?? null, position: resume.newerEnd, why: ENDS, ...resume }
  const at = { file: last.path, position: last.end, ...resume }
  if (later !== null)
    return { state: 'damaged', why: `${last.why}, but block ${later.sequence} was written later`, ...at }
  return { state: isTorn || last.why !== ENDS ? 'torn' : 'end', why: last.why, ...at }
}

/** Headers behind the end of a chain that are signed whole; blocks begin at aligned places. */
function* blocksBehind(chain: Chain, owner: BlockOwner): Generator<BlockHeader, void, void> {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, chain.size))
  for (let position = chain.end; position + BLOCK_HEADER_BYTES <= chain.size; ) {
    const bytes = piece.subarray(0, chain.file.read(piece, position))
    if (bytes.length < BLOCK_HEADER_BYTES) return
    const last = bytes.length - BLOCK_HEADER_BYTES
    // Nearly all of it is zeroes. A search for the magic number is ten times as fast there as a look at each place.
    for (let at = bytes.indexOf(MAGIC); at !== -1 && at <= last; at = bytes.indexOf(MAGIC, at + 1)) {
      if (at % BLOCK_ALIGN_BYTES !== 0) continue
      const header = readBlockHeader(bytes, at, owner, position + at)
      if (typeof header !== 'string') yield header
    }
    position += last - (last % BLOCK_ALIGN_BYTES) + BLOCK_ALIGN_BYTES
  }
}
