/**
 * Rings into topics that were deleted, as a resident of the host: their producers are told, and what is drained is given back.
 *
 * The partition host's thread.
 */
import { GoneRings } from '../partition/gone-rings.ts'
import type { IncomingRing } from '../partition/incoming-ring.ts'
import type { Standing } from '../resident/resident.ts'
import { Chore } from './chore.ts'
import type { HostLinks } from './host-links.ts'

export class GoneTopics extends Chore {
  readonly #rings = new GoneRings()
  readonly #links: HostLinks
  readonly #drained: (ring: IncomingRing) => void

  constructor(links: HostLinks, drained: (ring: IncomingRing) => void) {
    super()
    this.#links = links
    this.#drained = drained
  }

  add(topic: number, ring: IncomingRing): void {
    if (this.#rings.add(topic, ring)) this.#links.addRing(ring, () => this.wake())
  }

  work(): boolean {
    return this.#rings.tend(this.#drained)
  }

  standing(): Standing {
    if (this.#rings.isEmpty) return 'rests'
    return this.#rings.ready() ? 'ready' : 'waits'
  }
}
