/** Bytes of values in the ring: whole wherever they come from and go to, and nothing beside them. */
import { Arena, Memory, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { RECORD_HEADER_BYTES } from '../log/format/record.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { GROW, PartitionWriter } from './partition-writer.ts'
import { writeRecord } from './record-writer.ts'

const CAPACITY = 65_536
const BEHIND = 77
/** The longest value that goes into half a ring with the headers of its frame and record, and 7 bytes to copy it twice. */
const LEAST_BYTES = CAPACITY / 2 - 72 - RECORD_HEADER_BYTES - 7
const MOST_BYTES = CAPACITY / 2

interface House {
  readonly memory: Memory
  readonly place: RingPlace
  readonly writer: PartitionWriter
}

function house(kind: 'wasm' | 'js'): House {
  const memory = Memory.allocate(1 << 20, kind)
  const arena = new Arena(memory, 128)
  const address = arena.allocate(ringBytes(CAPACITY))
  const words = arena.allocate(128)
  const place = { ring: 1, partition: 0, host: 0, address, capacity: CAPACITY, words, widest: CAPACITY }
  return { memory, place, writer: new PartitionWriter(memory, place, 1) }
}

function bytesAt(shift: number, length: number): Uint8Array {
  return Uint8Array.from({ length: shift + length }, (_, i) => (i * 7 + shift) & 255).subarray(shift)
}

for (const kind of ['wasm', 'js'] as const) {
  t.test(`a value is written whole, whatever bytes it and its place begin at: ${kind}`, async t => {
    for (let shift = 0; shift < 8; shift++) {
      for (let keyLength = 0; keyLength < 9; keyLength++) {
        const { memory, writer } = house(kind)
        const key = new Uint8Array(keyLength).fill(200)
        for (const length of [0, 1, 79, 80, 81, 100, 1_000]) {
          const value = bytesAt(shift, length)
          const at = writer.reserve(RECORD_HEADER_BYTES + keyLength + length, undefined)
          if (writeRecord(memory, writer, key, value, null, undefined, 1 << 20) !== 0) t.fail('no room')
          const behindKey = at + RECORD_HEADER_BYTES + keyLength
          const start = Math.ceil(behindKey / 8) * 8
          const isWhole =
            memory.bytes.subarray(behindKey - keyLength, behindKey).equals(key) &&
            memory.bytes.subarray(start, start + length).equals(value) &&
            memory.bytes.readUInt32LE(at) === start + length - at
          if (!isWhole) t.fail(`${length} bytes from ${shift} behind a key of ${keyLength}`)
        }
      }
    }
  })

  t.test(`nothing behind the ring is touched, however far it is filled: ${kind}`, async t => {
    for (let at = 0; at <= 2 * (MOST_BYTES - LEAST_BYTES) + 33; at++) {
      const length = LEAST_BYTES - 16 + (at >> 1)
      const key = at % 2 === 0 ? null : bytesAt(0, 1)
      const { memory, place, writer } = house(kind)
      const end = place.address + ringBytes(CAPACITY)
      memory.u8.fill(BEHIND, end, end + 64)
      let said = 0
      for (let count = 0; said === 0 && count < 3; count++)
        said = writeRecord(memory, writer, key, bytesAt(7, length), null, undefined, 1 << 20)
      t.notOk(
        memory.u8.subarray(end, end + 64).some(byte => byte !== BEHIND),
        `${length} bytes`,
      )
      if (length === MOST_BYTES) t.equal(said, GROW)
      // Without a key it is aligned where it is.
      if (length === LEAST_BYTES) t.equal(said === GROW, key !== null, 'half a ring is enough for it')
    }
  })
}
