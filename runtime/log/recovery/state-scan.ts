/**
 * Reads the records of a state log, or of another file of records (state-format.ts), and judges where they end.
 *
 * Any thread, read-only. Records that were not synced may be torn in any order when the power fails, and were not
 * acknowledged: the file is cut there. But the file itself says up to which byte it is durable (its extents). A record
 * behind the bad place may also say that the missing part had been synced before. Both prove damage, which is never
 * cut. A file that ends between two records, before its written length, has a bad tail of no bytes.
 *
 * Bounds: one record in memory at a time, at most STATE_RECORD_BYTES_MAX, its size known to fit before it is allocated.
 * Behind a bad place the rest of the file is read once, in pieces of PIECE_BYTES.
 */
import { crc32 } from 'node:zlib'
import type { CutTail } from '../../wire/folder.ts'
import type { DiskFile } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import {
  type RecordFileKind,
  readRecordHeader,
  readStateHeader,
  STATE_ALIGN_BYTES,
  STATE_HEADER_BYTES,
  STATE_RECORD_HEADER_BYTES,
  STATE_RECORD_MAGIC,
  STATE_VERSION,
  type StateHeader,
  type StateRecord,
} from '../format/state-format.ts'

const PIECE_BYTES = 256 * 1_024
const EXTENTS_AT = 32

const NAMES: Readonly<Record<RecordFileKind, string>> = { state: 'state log', settled: 'file of settlements' }

/** Refuses a file that is not this log's state. @throws CorruptLogError, ForeignFileError, NewerFormatError */
export function stateHeaderOf(file: DiskFile, logId: Uint8Array, kind: RecordFileKind = 'state'): StateHeader {
  const bytes = Buffer.alloc(STATE_HEADER_BYTES)
  const header = readStateHeader(bytes.subarray(0, file.read(bytes, 0)), kind)
  if (header === 'short') throw new CorruptLogError(file.path, file.size(), 'the file ends within its header')
  if (header === 'foreign') throw new ForeignFileError(file.path, 0, `no ${NAMES[kind]}`)
  if (header === 'bad') throw new CorruptLogError(file.path, 0, 'the header’s CRC is wrong')
  if (header.version > STATE_VERSION)
    throw new NewerFormatError(file.path, 4, `version ${header.version} of a ${NAMES[kind]}`, header.version)
  if (!header.logId.equals(logId)) throw new ForeignFileError(file.path, 8, 'of another log')
  // One of the two is durable, and is not overwritten.
  if (header.version > 1 && header.extent === null)
    throw new CorruptLogError(file.path, EXTENTS_AT, 'it does not say any more how long it is')
  return header
}

/**
 * Hands each record to `apply`, in order; returns the bad tail, if there is one.
 *
 * @throws CorruptLogError, ForeignFileError, NewerFormatError
 */
export function scanState(
  file: DiskFile,
  logId: Uint8Array,
  apply: (record: StateRecord) => void,
  kind: RecordFileKind = 'state',
): CutTail | null {
  const { madeBytes, begin, extent } = stateHeaderOf(file, logId, kind)
  const size = file.size()
  const syncedBytes = Math.max(madeBytes, extent?.syncedBytes ?? 0)
  if (size < syncedBytes)
    throw new CorruptLogError(file.path, size, `the file is shorter than the ${syncedBytes} bytes that were durable`)
  let next = 1
  let position = begin
  while (position < size) {
    const record = recordAt(file, position, size)
    if (typeof record === 'string' || record.sequence !== next) {
      const why = typeof record === 'string' ? record : `record ${record.sequence} instead of ${next}`
      if (position < syncedBytes) throw new CorruptLogError(file.path, position, why)
      refuseDamage(file, position, size, next, why)
      return { file: file.path, position, bytes: size - position, why }
    }
    apply(record)
    next = record.sequence + 1
    position += record.bytes
  }
  const writtenBytes = extent?.writtenBytes ?? 0
  if (size >= writtenBytes) return null
  return {
    file: file.path,
    position: size,
    bytes: 0,
    why: `the file ends here, and ${writtenBytes} bytes were written`,
  }
}

function recordAt(file: DiskFile, position: number, size: number): StateRecord | string {
  const bytes = Buffer.alloc(STATE_RECORD_HEADER_BYTES)
  const header = readRecordHeader(bytes.subarray(0, file.read(bytes, position)), position, size)
  if (typeof header === 'string') return header
  const body = Buffer.allocUnsafe(header.bytes - STATE_RECORD_HEADER_BYTES)
  const read = file.read(body, position + STATE_RECORD_HEADER_BYTES)
  if (read < body.length || crc32(body) !== header.bodyCrc) return 'a body’s CRC is wrong'
  return { ...header, body: body.subarray(0, header.bodyBytes) }
}

/** Throws if a record behind the bad place says that the one that should be there was synced. */
function refuseDamage(file: DiskFile, bad: number, size: number, missing: number, why: string): void {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size))
  for (let position = bad; position + STATE_RECORD_HEADER_BYTES <= size; ) {
    const bytes = piece.subarray(0, file.read(piece, position))
    if (bytes.length < STATE_RECORD_HEADER_BYTES) return
    let at = 0
    for (; at + STATE_RECORD_HEADER_BYTES <= bytes.length; at += STATE_ALIGN_BYTES) {
      if (bytes.readUInt32LE(at) !== STATE_RECORD_MAGIC) continue
      const record = recordAt(file, position + at, size)
      if (typeof record !== 'string' && record.syncedBelow > missing)
        throw new CorruptLogError(file.path, bad, `${why}, but record ${record.sequence} behind it is whole`)
    }
    position += at
  }
}
