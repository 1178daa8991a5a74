/** Queue fields: what was written is read, in the bytes of the drawing, and what was never written is refused. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { anyQueueFields, fieldsAsDrawn, PLAIN_FIELDS } from './queue-fields.fixture.ts'
import {
  expiresAtAt,
  ID_BYTES_MAX,
  notBeforeAt,
  PRIORITIES_MAX,
  QUEUE_FIELDS_BYTES_MAX,
  type QueueFields,
  queueFieldsBytes,
  queueFieldsFault,
  queueFieldsSize,
  readQueueFields,
  writeQueueFields,
} from './queue-fields.ts'

/** The fields between bytes that are not theirs. */
function written(fields: QueueFields): { readonly bytes: Buffer; readonly end: number } {
  const bytes = Buffer.alloc(QUEUE_FIELDS_BYTES_MAX + 24, 0xee)
  return { bytes, end: writeQueueFields(bytes, 8, fields) }
}

t.test('the bytes are those of the drawing, and are read as they were given', async _t => {
  fc.assert(
    fc.property(anyQueueFields(), fields => {
      const { bytes, end } = written(fields)
      const drawn = fieldsAsDrawn(fields)
      if (!bytes.subarray(8, end).equals(drawn)) throw new Error(`${bytes.subarray(8, end).toString('hex')}`)
      if (!bytes.subarray(end).every(byte => byte === 0xee)) throw new Error('it wrote behind its end')
      if (queueFieldsBytes(fields) !== drawn.length || queueFieldsSize(bytes, 8) !== drawn.length)
        throw new Error('another size')
      if (end % 8 !== 0 || drawn.length > QUEUE_FIELDS_BYTES_MAX) throw new Error(`it ends at ${end}`)
      const fault = queueFieldsFault(bytes, 8, end)
      if (fault !== null) throw new Error(fault)
      const { id, ...rest } = readQueueFields(bytes, 8)
      const plain = { ...rest, id: id && { hash: Uint8Array.from(id.hash), text: Uint8Array.from(id.text) } }
      if (!isDeepStrictEqual(plain, structuredClone(fields))) throw new Error(JSON.stringify(plain))
    }),
    { numRuns: 200 },
  )
})

t.test('times are where the first word says', async _t => {
  fc.assert(
    fc.property(anyQueueFields(), fields => {
      const { bytes } = written(fields)
      const word = bytes.readInt32LE(8)
      const timeAt = (at: number): number | null => (at === 0 ? null : bytes.readDoubleLE(8 + at))
      if (!Object.is(timeAt(notBeforeAt(word)), fields.notBefore)) throw new Error('not before')
      if (!Object.is(timeAt(expiresAtAt(word)), fields.expiresAt)) throw new Error('expires at')
    }),
    { numRuns: 200 },
  )
})

t.test('fields of a priority alone take 8 bytes, and those of an id 24 and its text', async t => {
  t.equal(queueFieldsBytes(PLAIN_FIELDS), 8)
  const id = { hash: new Uint8Array(16), text: Buffer.from('order-7') }
  t.equal(queueFieldsBytes({ ...PLAIN_FIELDS, id }), 32)
})

t.test('fields that are cut short anywhere are refused', async _t => {
  fc.assert(
    fc.property(anyQueueFields(), fields => {
      const { bytes, end } = written(fields)
      for (let cut = 8; cut < end; cut++) if (queueFieldsFault(bytes, 8, cut) === null) throw new Error(`cut at ${cut}`)
    }),
    { numRuns: 40 },
  )
})

t.test('what nobody writes is refused, each by its name', async t => {
  const full: QueueFields = {
    ...PLAIN_FIELDS,
    notBefore: 1,
    expiresAt: 2,
    reply: { client: 3, request: 4 },
    deadline: 5,
    transaction: { producer: 6, epoch: 7, index: 8, transaction: 9 },
    id: { hash: new Uint8Array(16).fill(10), text: Buffer.from('abc') },
  }
  const cases: readonly (readonly [RegExp, (bytes: Buffer) => void])[] = [
    [/priority 32/, bytes => bytes.writeUInt8(PRIORITIES_MAX, 8)],
    [/parts 63/, bytes => bytes.writeUInt8(63, 9)],
    [/an id of 1001 bytes/, bytes => bytes.writeUInt16LE(ID_BYTES_MAX + 1, 10)],
    [/a time/, bytes => bytes.writeDoubleLE(Number.NaN, 16)],
    [/a time/, bytes => bytes.writeDoubleLE(Number.POSITIVE_INFINITY, 24)],
    [/an unused word/, bytes => bytes.writeUInt32LE(1, 36)],
    [/no whole number/, bytes => bytes.writeDoubleLE(0.5, 40)],
    [/a time/, bytes => bytes.writeDoubleLE(Number.NEGATIVE_INFINITY, 48)],
    [/no whole number/, bytes => bytes.writeDoubleLE(-1, 56)],
    [/no whole number/, bytes => bytes.writeDoubleLE(2 ** 53, 72)],
    [/padded with zeroes/, bytes => bytes.writeUInt8(1, 99)],
    [/padded with zeroes/, bytes => bytes.writeUInt8(1, 103)],
  ]
  for (const [why, damage] of cases) {
    const { bytes, end } = written(full)
    t.equal(queueFieldsFault(bytes, 8, end), null)
    damage(bytes)
    t.match(queueFieldsFault(bytes, 8, end), why)
  }
})
