import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { FRAME_HEADER_CRC } from './frame.ts'
import { headerCrc } from './header-crc.ts'

t.test('is what zlib says of the same bytes, at any index', async t => {
  const anyBytes = fc.uint8Array({ minLength: FRAME_HEADER_CRC, maxLength: FRAME_HEADER_CRC })
  fc.assert(
    fc.property(anyBytes, fc.nat(17), (header, at) => {
      const bytes = new Uint8Array(at + FRAME_HEADER_CRC + 9).fill(0xa5)
      bytes.set(header, at)
      t.equal(headerCrc(bytes, at), crc32(header))
    }),
  )
})

t.test('each byte counts, whatever it is', async t => {
  for (let index = 0; index < FRAME_HEADER_CRC; index++) {
    const bytes = new Uint8Array(FRAME_HEADER_CRC)
    let wrong = 0
    for (let byte = 0; byte < 256; byte++) {
      bytes[index] = byte
      if (headerCrc(bytes, 0) !== crc32(bytes)) wrong++
    }
    t.equal(wrong, 0, `byte ${index}`)
  }
})
