/** A delivery shows of any record what was written, whatever lies around key and value, and so does its partition's reader. */
import fc from 'fast-check'
import t from 'tap'
import { anyFrame, type DrawnFrame, drawnFrame } from '../log/format/record-frames.fixture.ts'
import { codecOf } from '../words/codec.ts'
import { RecordDelivery } from './delivery.ts'
import { FetchedBytes } from './fetched-bytes.ts'

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}

/** The deliveries of a frame that lies somewhere in a fetch. */
function deliveriesOf(drawn: DrawnFrame, codec: 'bytes' | 'string', attempt: number): RecordDelivery[] {
  const frame = drawnFrame(drawn)
  const start = 24
  const buffer = Buffer.from(new ArrayBuffer(start + frame.length))
  buffer.set(frame, start)
  const words = new Int32Array(buffer.buffer)
  const fetched = {
    buffer,
    bytes: new FetchedBytes(buffer),
    words,
    codec: codecOf(codec),
    topic: 'orders',
    partition: 0,
    baseTimestamp: drawn.baseTimestamp,
  }
  const found: RecordDelivery[] = []
  for (let at = start + 72; at < buffer.length; at += (buffer.readUInt32LE(at) + 7) & ~7)
    found.push(new RecordDelivery(fetched, at, drawn.baseOffset + buffer.readUInt16LE(at + 4), attempt, 0))
  return found
}

for (const attempt of [1, 2])
  t.test(`key, headers and value are those that were written, at attempt ${attempt}`, async () => {
    fc.assert(
      fc.property(anyFrame(), drawn => {
        const found = deliveriesOf(drawn, 'bytes', attempt)
        if (found.length !== drawn.records.length) throw new Error(`${found.length} records`)
        for (const [at, wanted] of drawn.records.entries()) {
          const delivery = found[at] as RecordDelivery
          if (delivery.offset !== drawn.baseOffset + wanted.offsetDelta) throw new Error(`offset of ${at}`)
          if (hex(delivery.keyBytes) !== hex(wanted.key)) throw new Error(`key of ${at}`)
          if (hex(delivery.value as Uint8Array | null) !== hex(wanted.value)) throw new Error(`value of ${at}`)
          if (JSON.stringify({ ...delivery.headers }) !== JSON.stringify({ ...wanted.headers }))
            throw new Error(`headers of ${at}`)
        }
      }),
      { numRuns: 100 },
    )
  })

t.test('so is the text of a value', async () => {
  fc.assert(
    fc.property(anyFrame(), drawn => {
      const ascii = drawn.records.map(({ value, ...rest }) => ({
        ...rest,
        value: value === null ? null : value.map(byte => byte & 127),
      }))
      for (const [at, delivery] of deliveriesOf({ ...drawn, records: ascii }, 'string', 1).entries()) {
        const value = ascii[at]?.value ?? null
        if (delivery.value !== (value && Buffer.from(value).toString())) throw new Error(`${at}`)
      }
    }),
    { numRuns: 50 },
  )
})
