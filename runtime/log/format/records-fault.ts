/**
 * Checks the records of a frame one by one, for whoever trusts no byte: the CRCs say that the bytes are those that were
 * written, and this says that what was written are records.
 *
 * Leaf, any thread. The frame is whole and its CRCs match. Bound: one walk over its records.
 */
import {
  FRAME_ATTRIBUTES,
  FRAME_COUNT,
  FRAME_HAS_QUEUE_FIELDS,
  FRAME_HEADER_BYTES,
  FRAME_LAST_OFFSET_DELTA,
} from './frame.ts'
import { queueFieldsFault } from './queue-fields.ts'
import {
  HAS_HEADERS,
  HAS_KEY,
  HAS_QUEUE_FIELDS,
  KEY_IS_BYTES,
  keyStartOf,
  knownAttributes,
  NO_VALUE,
  RECORD_HEADER_BYTES,
  valueStartOf,
} from './record.ts'

/** Fault of the records of a frame; null: none. */
export function recordsFault(frame: Buffer): string | null {
  const known = knownAttributes(frame[4] as number)
  const lastDelta = frame.readUInt32LE(FRAME_LAST_OFFSET_DELTA)
  let count = 0
  let before = -1
  let queued = 0
  for (let at = FRAME_HEADER_BYTES; at < frame.length; count++) {
    const fault = recordFault(frame, at, known)
    if (fault !== null) return `record ${count} of the frame: ${fault}`
    const delta = frame.readUInt16LE(at + 4)
    if (delta <= before || delta > lastDelta) return `record ${count} of the frame has no offset in it`
    before = delta
    if ((frame.readUInt16LE(at + 6) & HAS_QUEUE_FIELDS) !== 0) queued++
    at += (frame.readUInt32LE(at) + 7) & ~7
  }
  const said = frame.readUInt32LE(FRAME_COUNT)
  if (count !== said) return `the frame holds ${count} records, and says ${said}`
  const saysQueued = (frame.readUInt16LE(FRAME_ATTRIBUTES) & FRAME_HAS_QUEUE_FIELDS) !== 0
  return saysQueued === queued > 0 ? null : `${queued} records of the frame have queue fields, and it says otherwise`
}

function recordFault(bytes: Buffer, at: number, known: number): string | null {
  if (at + RECORD_HEADER_BYTES > bytes.length) return 'its header is cut short'
  const length = bytes.readUInt32LE(at)
  const end = at + length
  if (length < RECORD_HEADER_BYTES || end > bytes.length) return `a length of ${length} bytes is not possible`
  const attributes = bytes.readUInt16LE(at + 6)
  if ((attributes & ~known) !== 0) return `attributes ${attributes} are not known`
  const keyLength = bytes.readUInt32LE(at + 12)
  if ((attributes & HAS_KEY) === 0 && (keyLength > 0 || (attributes & KEY_IS_BYTES) !== 0))
    return 'it has a key, and says that it has none'
  if ((attributes & HAS_QUEUE_FIELDS) !== 0) {
    const fault = queueFieldsFault(bytes, at + RECORD_HEADER_BYTES, end)
    if (fault !== null) return fault
  }
  let behind = keyStartOf(bytes, at, attributes) + keyLength
  if (behind > end) return `a key of ${keyLength} bytes is not possible`
  if ((attributes & HAS_HEADERS) !== 0) {
    if (behind + 4 > end) return 'its headers are cut short'
    behind += 4 + bytes.readUInt32LE(behind)
    // Looked at before it is rounded up, which is done in 32 bits.
    if (behind > end) return 'its headers are cut short'
  }
  const valueStart = valueStartOf(behind, attributes)
  if (valueStart > end) return 'its value begins behind its end'
  return (attributes & NO_VALUE) === 0 || valueStart === end ? null : 'it has a value, and says that it has none'
}
