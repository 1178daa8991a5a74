/**
 * Which partitions on disk have been lent memory for their windows, and how much of the broker's memory may be lent.
 *
 * The control thread. A partition has at most one loan, which its host has taken up, and one offer of which that is not known
 * yet; when it is, the loan before is free. Loans leave an eighth of all memory to what cannot do without, and none takes more
 * than a quarter of what could still be lent: so the first partitions get what they ask for, and the more there are, the less.
 */
import { type Arena, NO_ROOM } from 'sharedarraybuffer-ring'
import type { HeldWindow, PartitionPlace, WindowOffer } from '../wire/places.ts'

const RESERVE_SHARE = 8
const LOAN_SHARE = 4

interface Held {
  readonly place: PartitionPlace
  number: number
  lent: WindowOffer | null
  offered: WindowOffer | null
}

export class WindowLedger {
  readonly #arena: Arena
  readonly #totalBytes: number
  readonly #held = new Map<string, Held>()
  #number = 0
  /** In loans and offers. */
  lentBytes = 0

  /** Lends what the arena, which has `totalBytes`, can give. */
  constructor(arena: Arena, totalBytes: number) {
    this.#arena = arena
    this.#totalBytes = totalBytes
  }

  /** So many bytes, or as many halves of that as can be had; not more than `least`: nothing worth while. Powers of two. */
  lendable(bytes: number, least: number): number {
    const lendable = this.#arena.freeBytes - this.#totalBytes / RESERVE_SHARE
    let capacity = bytes
    while (capacity > least && capacity > lendable / LOAN_SHARE) capacity /= 2
    return capacity
  }

  /** What a partition that asks for `bytes` is offered; null: it has what there is for it, or was offered it. */
  offer(place: PartitionPlace, bytes: number): WindowOffer | null {
    const key = keyOf(place.topic, place.partition)
    const held = this.#held.get(key) ?? { place, number: 0, lent: null, offered: null }
    if (held.offered !== null) return null
    const has = held.lent?.capacity ?? place.window.capacity
    const capacity = this.lendable(bytes, has)
    const address = capacity > has ? this.#arena.allocate(capacity, 'high') : NO_ROOM
    if (address === NO_ROOM) return null
    held.number = ++this.#number
    held.offered = { address, capacity, number: held.number }
    this.lentBytes += capacity
    this.#held.set(key, held)
    return held.offered
  }

  /** A window's data are at this address now, or at rest (0), and its host has seen offers up to this number. */
  moved(topic: number, partition: number, address: number, number: number): void {
    const held = this.#held.get(keyOf(topic, partition))
    if (held === undefined) return
    const { offered, lent } = held
    if (offered !== null && offered.number <= number) {
      held.offered = null
      if (offered.address === address) held.lent = offered
      else this.#free(offered)
    }
    if (lent === null || lent.address === address) return
    if (held.lent === lent) held.lent = null
    this.#free(lent)
  }

  #free({ address, capacity }: WindowOffer): void {
    this.lentBytes -= capacity
    this.#arena.free(address)
  }

  /** The topic is no more, or its partitions from one on. Returns what is free once no host has it. */
  takeOut(topic: number, from = 0): number[] {
    const blocks: number[] = []
    for (const [key, { place, lent, offered }] of this.#held) {
      if (place.topic !== topic || place.partition < from) continue
      this.#held.delete(key)
      for (const loan of [lent, offered]) {
        if (loan === null) continue
        this.lentBytes -= loan.capacity
        blocks.push(loan.address)
      }
    }
    return blocks
  }

  /** What a new thread of a host is to know. */
  holdingsOf(host: number): HeldWindow[] {
    return [...this.#held.values()]
      .filter(({ place }) => place.host === host)
      .map(({ place: { topic, partition }, number, offered }) => ({ topic, partition, number, offer: offered }))
  }

  /** Those that have something. */
  borrowers(): PartitionPlace[] {
    return [...this.#held.values()].flatMap(({ place, lent, offered }) =>
      lent === null && offered === null ? [] : [place],
    )
  }
}

function keyOf(topic: number, partition: number): string {
  return `${topic}/${partition}`
}
