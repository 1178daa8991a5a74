import { crc32 } from 'node:zlib'
import t from 'tap'
import {
  readRecordHeader,
  readStateHeader,
  STATE_RECORD_BYTES_MAX,
  stateExtent,
  stateHeader,
  stateRecord,
} from './state-format.ts'

const LOG_ID = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

t.test('the bytes are those of the drawing', async t => {
  const file = stateHeader(LOG_ID, 0x48)
  t.equal(file.subarray(0, 28).toString('hex'), `4d53544c02000000${LOG_ID.toString('hex')}48000000`)
  t.equal(file.readUInt32LE(28), crc32(file.subarray(0, 28)))
  const extent = { number: 1, syncedBytes: 0x48, writtenBytes: 0x48 }
  t.same(readStateHeader(file), { version: 2, logId: LOG_ID, madeBytes: 0x48, begin: 96, extent })
  const later = stateExtent({ number: 2, syncedBytes: 0x48, writtenBytes: 0x90 })
  t.equal(later.position, 64)
  t.equal(later.bytes.subarray(0, 28).toString('hex'), '00000000000000400000000000005240000000000000624000000000')
  t.equal(later.bytes.readUInt32LE(28), crc32(later.bytes.subarray(0, 28)))
  const record = stateRecord('[["a",1]]', 5, 2, 1)
  const drawn = ['53524543', '09000000', '0000000000001440', '0000000000000040', '000000000000f03f']
  t.equal(record.subarray(0, 32).toString('hex'), drawn.join(''))
  t.equal(record.subarray(40).toString('hex'), '5b5b2261222c315d5d00000000000000')
  t.equal(record.readUInt32LE(32), crc32(record.subarray(40)))
  t.equal(record.readUInt32LE(36), crc32(record.subarray(0, 36)))
})

t.test('a record’s header is valid in its own place, whole, and within the file and the limit only', async t => {
  const record = stateRecord('[["a",1]]', 5, 2, 64)
  const read = { sequence: 5, syncedBelow: 2, position: 64, bytes: 56, bodyBytes: 9, bodyCrc: record.readUInt32LE(32) }
  t.same(readRecordHeader(record, 64, 120), read)
  t.match(readRecordHeader(record, 64, 119), /longer than the file/)
  t.match(readRecordHeader(record, 72, 200), /another place/)
  t.match(readRecordHeader(record.subarray(0, 39), 64, 120), /ends within/)
  t.match(readRecordHeader(record.subarray(8), 64, 120), /no record/)
  const large = stateRecord('x'.repeat(STATE_RECORD_BYTES_MAX), 1, 1, 0)
  t.match(readRecordHeader(large, 0, large.length), /longer/)
})
