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
import type { HostLink } from '../link/host-link.ts'
import type { IncomingRing } from './incoming-ring.ts'

interface GoneRing {
  readonly topic: number
  readonly ring: IncomingRing
  isTold: boolean
}

export class GoneRings {
  #rings: GoneRing[] = []

  add(topic: number, ring: IncomingRing): void {
    if (!this.#rings.some(known => known.ring.id === ring.id)) this.#rings.push({ topic, ring, isTold: false })
  }

  /** The thread has ended: nothing comes from it any more. */
  orphan(link: HostLink): void {
    for (const { ring } of this.#rings) if (ring.link === link) ring.orphaned = true
  }

  hasRingsOf(link: HostLink): boolean {
    return this.#rings.some(({ ring }) => ring.link === link)
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
