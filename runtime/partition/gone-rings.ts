/**
 * Rings of producers into topics that were deleted: what is in them is taken out and not appended, and their producers are told.
 *
 * The partition host's thread. A producer may write to its ring as long as it has not heard of it; once it has, it closes the
 * ring, and only then, or when its thread has ended, the ring is given back. It is told once, and again for each frame that comes
 * after that: it may have been made in the meantime.
 *
 * Bound: the rings that there were, and those that grow out of them before their producers have heard.
 */
import { CORRUPT } from 'sharedarraybuffer-ring'
import type { IncomingRing } from './incoming-ring.ts'

interface GoneRing {
  readonly topic: number
  readonly ring: IncomingRing
  isTold: boolean
}

export class GoneRings {
  #rings: GoneRing[] = []

  /** Whether it is new. */
  add(topic: number, ring: IncomingRing): boolean {
    if (this.#rings.some(known => known.ring.id === ring.id)) return false
    this.#rings.push({ topic, ring, isTold: false })
    return true
  }

  get isEmpty(): boolean {
    return this.#rings.length === 0
  }

  /** Whether `tend` would do something. */
  ready(): boolean {
    return this.#rings.some(({ ring, isTold }) => {
      if (ring.orphaned || ring.consumer.drained || ring.consumer.poll()) return true
      return !isTold && ring.link.room() > 0
    })
  }

  /** Tells, takes out, and hands what can be given back to `drained`; whether it did anything. */
  tend(drained: (ring: IncomingRing) => void): boolean {
    if (this.#rings.length === 0) return false
    let worked = false
    this.#rings = this.#rings.filter(gone => {
      const { ring, topic } = gone
      if (takeOut(ring)) {
        gone.isTold = false
        worked = true
      }
      if (ring.orphaned || ring.consumer.drained) {
        worked = true
        drained(ring)
        return false
      }
      if (!gone.isTold && ring.link.room() > 0) {
        ring.link.gone(topic)
        gone.isTold = true
        worked = true
      }
      return true
    })
    return worked
  }
}

/** Whether there was anything in it. */
function takeOut({ consumer, id }: IncomingRing): boolean {
  if (!consumer.poll()) return false
  let address = consumer.next()
  for (; address >= 0; address = consumer.next()) consumer.advance(consumer.memory.i32[address >> 2] as number)
  if (address === CORRUPT)
    throw new Error(`broken invariant: ring ${id} of a deleted topic holds bytes that are no record`)
  consumer.release()
  return true
}
