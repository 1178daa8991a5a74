/** Frames of any records that may be, drawn by a naive writer: one part after the other, as record.ts lists them. */
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import type { Headers } from '../../words/message.ts'
import { headersSize, writeHeaders } from './headers.ts'
import { anyQueueFields, fieldsAsDrawn } from './queue-fields.fixture.ts'
import type { QueueFields } from './queue-fields.ts'

export interface DrawnRecord {
  readonly offsetDelta: number
  readonly timestampDelta: number
  readonly key: Uint8Array | null
  readonly keyIsBytes: boolean
  readonly headers: Headers | null
  readonly fields: QueueFields | null
  /** Null: a tombstone. */
  readonly value: Uint8Array | null
  readonly isAligned: boolean
}

export interface DrawnFrame {
  readonly version: 1 | 2
  readonly baseOffset: number
  readonly baseTimestamp: number
  readonly lastOffsetDelta: number
  readonly records: readonly DrawnRecord[]
}

function anyRecord(version: 1 | 2): fc.Arbitrary<Omit<DrawnRecord, 'offsetDelta'>> {
  const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
  const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null })
  const name = fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom('a', 'b', 'c') })
  return fc.record({
    timestampDelta: fc.integer({ min: -1000, max: 1000 }),
    key: orNull(bytes(20)),
    keyIsBytes: fc.boolean(),
    headers: orNull(fc.dictionary(name, fc.string({ maxLength: 9 }), { noNullPrototype: true })),
    fields: version === 1 ? fc.constant(null) : orNull(anyQueueFields()),
    value: orNull(fc.oneof(bytes(20), bytes(200))),
    isAligned: version === 1 ? fc.constant(false) : fc.boolean(),
  })
}

export function anyFrame(): fc.Arbitrary<DrawnFrame> {
  return fc.constantFrom(1 as const, 2 as const).chain(version =>
    fc
      .record({
        baseOffset: fc.integer({ min: 0, max: 2 ** 40 }),
        baseTimestamp: fc.integer({ min: 0, max: 2 ** 41 }),
        more: fc.integer({ min: 0, max: 3 }),
        records: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), anyRecord(version)), { minLength: 1, maxLength: 6 }),
      })
      .map(({ baseOffset, baseTimestamp, more, records }) => {
        let last = -1
        const placed = records.map(([step, record], at) => {
          last += at === 0 ? 1 : step
          return { ...record, offsetDelta: last }
        })
        return { version, baseOffset, baseTimestamp, lastOffsetDelta: last + more, records: placed }
      }),
  )
}

/** Bytes of a record, padded to a multiple of 8. */
function recordBytes(record: DrawnRecord): Buffer {
  const { key, keyIsBytes, headers, fields, value, isAligned } = record
  const list: Uint8Array[] = [Buffer.alloc(16)]
  const size = (): number => list.reduce((sum, { length }) => sum + length, 0)
  const pad = (byte: number): void => void list.push(Buffer.alloc((8 - (size() % 8)) % 8, byte))
  if (fields !== null) list.push(fieldsAsDrawn(fields))
  if (key !== null) list.push(key)
  if (headers !== null) {
    const bytes = Buffer.alloc(4 + headersSize(headers))
    bytes.writeUInt32LE(bytes.length - 4, 0)
    writeHeaders(bytes, 4, headers)
    list.push(bytes)
  }
  if (isAligned) pad(0xee)
  if (value !== null) list.push(value)
  const length = size()
  pad(0)
  const bytes = Buffer.concat(list)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt16LE(record.offsetDelta, 4)
  const bits = [key !== null, key !== null && keyIsBytes, headers !== null, value === null, false, false, isAligned]
  bytes.writeUInt16LE(
    [...bits, fields !== null].reduce((sum, isSet, bit) => (isSet ? sum + 2 ** bit : sum), 0),
    6,
  )
  bytes.writeInt32LE(record.timestampDelta, 8)
  bytes.writeUInt32LE(key?.length ?? 0, 12)
  return bytes
}

/** The frame, signed, in memory of its own that begins at a multiple of 8. */
export function drawnFrame(frame: DrawnFrame): Buffer {
  const body = Buffer.concat(frame.records.map(recordBytes))
  const bytes = Buffer.from(new ArrayBuffer(72 + body.length))
  bytes.set(body, 72)
  bytes.writeInt32LE(bytes.length, 0)
  bytes.writeUInt8(frame.version, 4)
  bytes.writeUInt16LE(frame.records.some(({ fields }) => fields !== null) ? 1 : 0, 6)
  bytes.writeUInt32LE(frame.baseOffset % 2 ** 32, 8)
  bytes.writeUInt32LE(Math.floor(frame.baseOffset / 2 ** 32), 12)
  bytes.writeUInt32LE(frame.lastOffsetDelta, 16)
  bytes.writeUInt32LE(frame.records.length, 20)
  bytes.writeDoubleLE(frame.baseTimestamp, 24)
  bytes.writeUInt32LE(Math.max(0, ...frame.records.map(({ timestampDelta }) => timestampDelta)), 32)
  bytes.writeUInt32LE(3, 52)
  sign(bytes)
  return bytes
}

/** Signs the frame again after a change. */
export function sign(frame: Buffer): void {
  frame.writeUInt32LE(crc32(frame.subarray(72)), 60)
  frame.writeUInt32LE(crc32(frame.subarray(0, 64)), 64)
}
