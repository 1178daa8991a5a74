/** Small buffers in shared ones: none overlaps another, whatever becomes of the buffer that they share. */
import t from 'tap'
import { FetchedBytes } from './fetched-bytes.ts'
import { Slab } from './slab.ts'

/** As a byte stream does in Node 20, although it is marked as untransferable; newer versions refuse. */
function detach(buffer: ArrayBufferLike): void {
  try {
    new ReadableStream({ type: 'bytes', start: stream => stream.enqueue(new Uint8Array(buffer)) })
  } catch {}
}

t.test('what is taken shares a buffer, begins at a multiple of 8, and is written by itself', async t => {
  const slab = new Slab(64)
  const taken = [10, 8, 1, 25, 64, 0].map((bytes, index) => slab.take(bytes).fill(index + 1))
  t.strictSame(
    taken.map(({ length, byteOffset }) => [length, byteOffset]),
    [
      [10, 0],
      [8, 16],
      [1, 24],
      [25, 32],
      [64, 0],
      [0, 64],
    ],
  )
  for (const [index, bytes] of taken.entries()) t.ok(bytes.every(byte => byte === index + 1))
  t.equal(new Set(taken.map(({ buffer }) => buffer)).size, 2)
})

t.test('a buffer that was detached is used no more', async t => {
  const slab = new Slab(64)
  const lost = slab.take(8)
  detach(lost.buffer)
  if (process.version.startsWith('v20.')) t.equal(lost.length, 0)
  t.equal(slab.take(8).fill(7)[7], 7)
})

t.test('pieces of small fetches share a buffer, and show each fetch its own bytes', async t => {
  const fetches = [1, 2, 3, 4].map(n => new FetchedBytes(Buffer.alloc(2_000, n)))
  const seen = fetches.map(fetch => [fetch.shared(16, 80), fetch.shared(96, 160)])
  for (const [index, values] of seen.entries())
    for (const value of values) t.strictSame([...value], Array(64).fill(index + 1))
  t.equal(new Set(seen.flat().map(({ buffer }) => buffer)).size, 1)
  t.ok((seen[0]?.[0]?.buffer.byteLength ?? 0) <= 8_192)
  detach(seen[0]?.[0]?.buffer as ArrayBuffer)
  t.strictSame([...(fetches[3] as FetchedBytes).shared(176, 240)], Array(64).fill(4), 'the next look makes another')
})
