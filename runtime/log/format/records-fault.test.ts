/** Records of a frame, one by one: any that may be are found good and found again, and others are refused by their fault. */
import fc from 'fast-check'
import t from 'tap'
import { bodyFault, headerFault } from './frame-scan.ts'
import { PLAIN_FIELDS } from './queue-fields.fixture.ts'
import { anyFrame, type DrawnFrame, type DrawnRecord, drawnFrame, sign } from './record-frames.fixture.ts'
import { recordsFault } from './records-fault.ts'
import { recordIn } from './stored-record.ts'

const PLAIN: DrawnRecord = {
  offsetDelta: 0,
  timestampDelta: 0,
  key: null,
  keyIsBytes: false,
  headers: null,
  fields: null,
  value: Buffer.from('value'),
  isAligned: false,
}

function frameWith(...records: Partial<DrawnRecord>[]): DrawnFrame {
  const placed = records.map((record, offsetDelta) => ({ ...PLAIN, offsetDelta, ...record }))
  return { version: 2, baseOffset: 5, baseTimestamp: 1000, lastOffsetDelta: records.length - 1, records: placed }
}

t.test('records of both versions are good, and each is found at its offset', async _t => {
  fc.assert(
    fc.property(anyFrame(), drawn => {
      const bytes = drawnFrame(drawn)
      const fault = headerFault(bytes, 0, drawn.baseOffset, bytes.length) ?? bodyFault(bytes, 0) ?? recordsFault(bytes)
      if (fault !== null) throw new Error(fault)
      for (let delta = 0; delta <= drawn.lastOffsetDelta; delta++) {
        const wanted = drawn.records.find(({ offsetDelta }) => offsetDelta === delta)
        const found = recordIn(bytes, drawn.baseOffset + delta)
        if (found === null || wanted === undefined) {
          if (found !== null || wanted !== undefined) throw new Error(`delta ${delta}`)
          continue
        }
        const part = (from: number, to: number): string => bytes.subarray(from, to).toString('hex')
        const hex = (part: Uint8Array | null): string => Buffer.from(part ?? []).toString('hex')
        if (part(found.keyStart, found.keyEnd) !== hex(wanted.key)) throw new Error(`key of ${delta}`)
        if (part(found.valueStart, found.valueEnd) !== hex(wanted.value)) throw new Error(`value of ${delta}`)
        if ((found.headers === null) !== (wanted.headers === null)) throw new Error(`headers of ${delta}`)
        if (wanted.isAligned && found.valueStart % 8 !== 0) throw new Error(`value of ${delta} is not aligned`)
        if (found.timestamp !== drawn.baseTimestamp + wanted.timestampDelta) throw new Error(`time of ${delta}`)
      }
    }),
    { numRuns: 150 },
  )
})

t.test('what is signed and no record is refused, each by its name', async t => {
  const keyed = frameWith({ key: Buffer.from('k'), headers: { a: 'b' } }, {})
  const aligned = frameWith({ key: Buffer.from('k'), headers: { a: 'b' }, isAligned: true }, {})
  const queued = frameWith({}, { fields: PLAIN_FIELDS })
  const cases: readonly (readonly [RegExp, DrawnFrame, (bytes: Buffer) => void])[] = [
    [/record 0 .* a length of 15/, keyed, bytes => bytes.writeUInt32LE(15, 72)],
    [/record 0 .* a length of 4096/, keyed, bytes => bytes.writeUInt32LE(4096, 72)],
    [/record 0 .* attributes 261/, keyed, bytes => bytes.writeUInt16LE(261, 78)],
    [/record 0 .* a key of 400/, keyed, bytes => bytes.writeUInt32LE(400, 84)],
    [/record 0 .* it has a key/, keyed, bytes => bytes.writeUInt16LE(4, 78)],
    [/record 1 .* it has a key/, frameWith({}, {}), bytes => bytes.writeUInt16LE(2, 102)],
    [/record 0 .* headers are cut short/, keyed, bytes => bytes.writeUInt32LE(60, 89)],
    [/record 0 .* headers are cut short/, aligned, bytes => bytes.writeUInt32LE(0x8000_0000, 89)],
    [/record 0 .* begins behind its end/, aligned, bytes => bytes.writeUInt32LE(17 + 4 + 14, 72)],
    [/record 0 .* it has a value/, keyed, bytes => bytes.writeUInt16LE(13, 78)],
    [/record 1 .* has no offset/, frameWith({}, {}), bytes => bytes.writeUInt16LE(0, 100)],
    [/record 1 .* has no offset/, frameWith({}, {}), bytes => bytes.writeUInt16LE(2, 100)],
    [/holds 2 records, and says 1/, frameWith({}, {}), bytes => bytes.writeUInt32LE(1, 20)],
    [/record 1 .* priority 255/, queued, bytes => bytes.writeUInt8(255, 112)],
    [/1 records .* say.* otherwise/, queued, bytes => bytes.writeUInt16LE(0, 6)],
    [/0 records .* say.* otherwise/, frameWith({}), bytes => bytes.writeUInt16LE(1, 6)],
    [/record 0 .* attributes 64/, { ...frameWith({ isAligned: true }), version: 1 }, () => undefined],
    [/record 0 .* attributes 128/, { ...frameWith({ fields: PLAIN_FIELDS }), version: 1 }, () => undefined],
  ]
  for (const [why, drawn, damage] of cases) {
    const bytes = drawnFrame(drawn)
    damage(bytes)
    sign(bytes)
    t.match(recordsFault(bytes), why)
  }
})

t.test('attributes that a frame of its version may not have are refused before its records are looked at', async t => {
  for (const [version, attributes] of [
    [1, 1],
    [2, 2],
    [2, 0x8000],
  ] as const) {
    const bytes = drawnFrame({ ...frameWith({}), version })
    bytes.writeUInt16LE(attributes, 6)
    sign(bytes)
    t.match(headerFault(bytes, 0, 5, bytes.length), /attributes \d+ of a frame/)
  }
  const later = drawnFrame(frameWith({}))
  later.writeUInt8(3, 4)
  sign(later)
  t.match(headerFault(later, 0, 5, later.length), /frame version 3 is not known/)
})
