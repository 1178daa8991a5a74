/**
 * The bytes that a call of a handler with `records` looks at: one buffer of the thread, lent to one call after the other.
 *
 * The handling thread. A buffer for each call would cost more than all else of a small record (fetch-room.ts). When a call is over, its
 * buffer is detached: the memory moves to another buffer, and whoever has kept the old one finds it empty. So nobody reads
 * bytes of other records by accident. Whoever has transferred it meanwhile has it for good, and the next call gets another.
 *
 * Bound: FETCH_BYTES a thread. What takes more, or is lent meanwhile, has a buffer of its own, which is detached as well, and not used again.
 */
import { FETCH_BYTES } from '../reader/frame-source.ts'

const NOTHING = new ArrayBuffer(0)

let room = NOTHING
/** What is lent of it; null: nothing is. */
let lentStore: ArrayBuffer | null = null

/** So many bytes, with whatever is in them. */
export function lendBytes(bytes: number): Buffer {
  if (bytes > FETCH_BYTES || lentStore !== null) return Buffer.allocUnsafeSlow(bytes)
  lentStore = room.byteLength === 0 ? (Buffer.allocUnsafeSlow(FETCH_BYTES).buffer as ArrayBuffer) : room
  return Buffer.from(lentStore, 0, bytes)
}

/** What `lendBytes` gave is used no more by those it was given to. */
export function takeBack(lent: Buffer): void {
  const store = lent.buffer as ArrayBuffer
  const isRoom = store === lentStore
  if (isRoom) {
    lentStore = null
    room = NOTHING
  }
  if (store.byteLength === 0) return
  try {
    const taken = structuredClone(store, { transfer: [store] })
    if (isRoom) room = taken
  } catch {
    // Its user has marked it as untransferable, and keeps it.
  }
}
