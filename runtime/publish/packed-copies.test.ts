/** Bytes of batches that wait: copies that hold what was given, each to be written at full speed. */
import t from 'tap'
import { FreePieces, PackedCopies } from './packed-copies.ts'

t.test('copies are what was given, whatever comes after them, and begin at the phase asked for', async t => {
  const sizes = [0, 1, 7, 64, 100, 1_000, 65_535, 65_536, 70_000, 3, 40_000, 40_000]
  const copies = new PackedCopies(
    sizes.length,
    sizes.reduce((a, b) => a + b),
    new FreePieces(),
  )
  const given = sizes.map((size, index) => new Uint8Array(size).fill(index + 1))
  const taken = given.map((bytes, index) => copies.of(bytes, index * 3))
  for (const bytes of given) bytes.fill(255)
  for (const [index, bytes] of taken.entries()) {
    const size = sizes[index] as number
    t.strictSame(Buffer.from(bytes), Buffer.alloc(size, index + 1), `${size} bytes`)
    t.equal(bytes.byteOffset & 7, (index * 3) & 7)
  }
})

t.test('small ones share a buffer', async t => {
  const copies = new PackedCopies(600, 60_000, new FreePieces())
  const buffers = new Set(Array.from({ length: 600 }, () => copies.of(new Uint8Array(100), 4).buffer))
  t.equal(buffers.size, 1)
})

t.test('a small batch keeps no more than it needs', async t => {
  const copies = new PackedCopies(2, 110, new FreePieces())
  t.equal(copies.of(new Uint8Array(10), 0).buffer, copies.of(new Uint8Array(100), 4).buffer)
  t.ok(new PackedCopies(1, 10, new FreePieces()).of(new Uint8Array(10), 0).buffer.byteLength <= 17)
})

t.test('pieces of copies that are read no more are used again, and none of others', async t => {
  const pieces = new FreePieces()
  const copied = (copies: PackedCopies): ArrayBufferLike => copies.of(new Uint8Array(1_000), 0).buffer
  const first = new PackedCopies(100, 100_000, pieces)
  const second = new PackedCopies(100, 100_000, pieces)
  const [mine, others] = [copied(first), copied(second)]
  t.not(mine, others)
  first.release()
  first.release()
  const third = new PackedCopies(100, 100_000, pieces)
  t.equal(copied(third), mine)
  t.not(copied(new PackedCopies(100, 100_000, pieces)), mine, 'once only')
  second.release()
  pieces.clear()
  t.not(copied(new PackedCopies(100, 100_000, pieces)), others, 'what was let go is new')
})
