/** Bytes that are lent to one call after the other: who keeps them finds nothing, who takes them has them. */
import { markAsUntransferable } from 'node:worker_threads'
import t from 'tap'
import { FETCH_BYTES } from '../reader/frame-source.ts'
import { lendBytes, takeBack } from './lent-bytes.ts'

t.test('the same memory is lent again, and is no longer there for those who had it', async t => {
  const first = lendBytes(100)
  first.fill(7)
  takeBack(first)
  t.equal(first.length, 0)
  const second = lendBytes(FETCH_BYTES)
  t.equal(second.length, FETCH_BYTES)
  t.ok(
    second.subarray(0, 100).every(byte => byte === 7),
    'with whatever is in it',
  )
  takeBack(second)
})

t.test('what is larger, or is lent meanwhile, has memory of its own, which ends as well', async t => {
  const first = lendBytes(100)
  for (const own of [lendBytes(100), lendBytes(FETCH_BYTES + 1)]) {
    t.not(own.buffer, first.buffer)
    takeBack(own)
    t.equal(own.length, 0)
    t.equal(first.length, 100)
  }
  takeBack(first)
  t.equal(first.length, 0)
})

t.test('who has transferred them, or made that impossible, keeps them, and the next one gets others', async t => {
  const sent = lendBytes(100)
  sent.fill(1)
  const taken = new Uint8Array(structuredClone(sent.buffer as ArrayBuffer, { transfer: [sent.buffer as ArrayBuffer] }))
  takeBack(sent)
  const held = lendBytes(100)
  held.fill(2)
  t.equal(taken[0], 1)
  markAsUntransferable(held.buffer)
  takeBack(held)
  t.equal(held.length, 100)
  const next = lendBytes(100)
  next.fill(3)
  t.equal(held[0], 2)
  takeBack(next)
})
