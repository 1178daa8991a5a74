import { crc32 } from 'node:zlib'
import t from 'tap'
import {
  BLOCK_HEADER_BYTES,
  BLOCK_VERSION,
  blockBytes,
  readBlockHeader,
  readBlockOwner,
  writeBlockHeader,
} from './journal-format.ts'

const owner = { logId: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'), host: 3 }
const header = {
  kind: 1,
  sequence: 5,
  position: 0x100,
  index: 2,
  topic: 7,
  partition: 9,
  bodyBytes: 17,
  baseOffset: 1,
  endOffset: 2,
  bodyCrc: 0xdeadbeef,
  fileBytes: 0x1000,
  groupBlocks: 3,
}

t.test('the bytes are those of the drawing', async t => {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES)
  writeBlockHeader(bytes, 0, owner, header)
  const drawn = [
    ['4d4a524e', '0200', '0100', '0000000000001440', '000102030405060708090a0b0c0d0e0f', '03000000', '00010000'],
    [
      '02000000',
      '07000000',
      '09000000',
      '11000000',
      '000000000000f03f',
      '0000000000000040',
      'efbeadde',
      '00100000',
      '03000000',
    ],
  ]
  t.equal(bytes.subarray(0, 84).toString('hex'), drawn.flat().join(''))
  t.equal(bytes.readUInt32LE(84), crc32(bytes.subarray(0, 84)))
  t.same(readBlockHeader(bytes, 0, owner, 0x100), header)
  t.same(readBlockOwner(bytes), { ...owner, version: BLOCK_VERSION })
  t.equal(blockBytes(17), BLOCK_HEADER_BYTES + 24)
  t.equal(blockBytes(16), BLOCK_HEADER_BYTES + 16)
})

t.test('a header is valid in its own place, log, host and version only, and whole', async t => {
  const bytes = Buffer.alloc(8 + BLOCK_HEADER_BYTES)
  writeBlockHeader(bytes, 8, owner, header)
  t.same(readBlockHeader(bytes, 8, owner, 0x100), header)
  t.match(readBlockHeader(bytes, 8, owner, 0x108), /another place/)
  t.match(readBlockHeader(bytes, 8, { ...owner, host: 4 }, 0x100), /another log, host/)
  t.match(readBlockHeader(bytes, 8, { ...owner, logId: Buffer.alloc(16) }, 0x100), /another log/)
  t.match(readBlockHeader(bytes, 0, owner, 0x100), /no block/)
  t.match(readBlockHeader(bytes.subarray(0, 95), 8, owner, 0x100), /the file ends/)
  t.equal(readBlockOwner(bytes), null)
  for (let bit = 64; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    if (typeof readBlockHeader(flipped, 8, owner, 0x100) !== 'string') t.fail(`bit ${bit}`)
    if (readBlockOwner(flipped.subarray(8)) !== null) t.fail(`owner at bit ${bit}`)
  }
})
