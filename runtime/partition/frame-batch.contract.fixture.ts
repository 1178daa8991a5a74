/** What every batch of frames does on its way into a partition: one suite for all of them. */
import { EMPTY, Memory, WindowReader, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import { frameBaseOffset, placeFrame } from '../log/format/frame.ts'
import type { FrameBatch } from './frame-batch.ts'

export interface BatchUnderTest {
  readonly batch: FrameBatch
  /** Where there is free memory for a window of WINDOW bytes, if the batch lies in shared memory. */
  readonly window: { readonly memory: Memory; readonly address: number }
}

export const WINDOW = 4_096

/** A window in memory of its own. */
export function elsewhere(): BatchUnderTest['window'] {
  return { memory: Memory.allocate(windowBytes(WINDOW)), address: 0 }
}

/** `make`: a batch of three frames. */
export function testBatch(name: string, make: () => BatchUnderTest): void {
  const test = (title: string, body: (t: Test, under: BatchUnderTest) => void): void => {
    t.test(`${name}: ${title}`, async t => body(t, make()))
  }
  const lengthAt = ({ memory }: FrameBatch, address: number): number => memory.i32[address >> 2] as number

  test('its frames come one after the other, each until it is walked over', (t, { batch }) => {
    const { ready } = batch
    let walked = 0
    for (let n = 0; n < 3; n++) {
      t.ok(batch.room() > 0)
      const address = batch.next()
      t.equal(batch.next(), address)
      const length = lengthAt(batch, address)
      batch.advance(length)
      walked += length
      t.equal(batch.ready, ready - walked)
    }
    t.equal(batch.next(), EMPTY)
    t.equal(batch.ready, 0)
  })

  test('a frame is copied into a window as it was placed', (t, { batch, window: { memory, address } }) => {
    const window = new WindowWriter(memory, address, WINDOW)
    const reader = new WindowReader(memory, address, WINDOW)
    for (let n = 0; n < 3; n++) {
      const frame = batch.next()
      const length = lengthAt(batch, frame)
      placeFrame(batch.memory, frame, 70 + n)
      const { end } = window
      batch.copyTo(window, frame, length)
      const copied = new Uint8Array(length)
      reader.copyOut(end, length, copied, 0)
      t.strictSame(copied, new Uint8Array(batch.memory.u8.subarray(frame, frame + length)))
      t.equal(frameBaseOffset(reader, end), 70 + n)
      batch.advance(length)
    }
  })

  test('it stands where it did after an answer, and what was not walked over stays in it', (t, { batch }) => {
    const first = batch.next()
    placeFrame(batch.memory, first, 5)
    batch.advance(lengthAt(batch, first))
    const { head, ready } = batch
    const second = batch.next()
    batch.answer(null)
    batch.release()
    batch.tell()
    t.equal(batch.head, head)
    t.equal(batch.ready, ready)
    t.equal(batch.next(), second)
  })
}
