/**
 * One consumer of a queue as its partition host sees it: what it has, what it has ended, and whether it can be handed more.
 *
 * The partition host's thread. The core names a hand-out by slot and tag of its own, the claims by theirs; what belongs together is
 * kept here, by entry of the claims. A record that is too large for the ring at once is sent piece by piece, and nothing else to
 * this consumer meanwhile.
 *
 * Bound: the entries of its claims; the ring of its deliveries.
 */
import type { HandedOut, Memory, Standing } from 'sharedarraybuffer-ring'
import { DeliverySlot, NOT_NOW } from '../link/delivery-slot.ts'
import { DELIVERY_JOINED, DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import type { HostLink } from '../link/host-link.ts'
import type { HandOut } from '../queue/queue-words.ts'
import { deliveryPlace } from '../wire/delivery-places.ts'
import {
  QUEUE_SLOT_BACKLOG,
  QUEUE_SLOT_CLAIMS,
  QUEUE_SLOT_HANDLES,
  QUEUE_SLOT_PREFETCH,
  QUEUE_SLOT_STACK,
} from '../wire/layout.ts'
import type { SlotPlace } from '../wire/places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'
import type { Offset } from '../words/quantities.ts'
import type { MessageSource } from './message-source.ts'

/** A hand-out as the core names it. */
export interface CoreClaim {
  readonly slot: number
  readonly tag: number
}

interface Sending {
  readonly handOut: HandOut
  /** Bytes of its record that were sent. */
  sent: number
}

export class QueueConsumer {
  readonly place: SlotPlace
  readonly shape: ConsumerShape
  readonly link: HostLink
  /** Its number in the core. */
  readonly number: number
  readonly #memory: Memory
  readonly #source: MessageSource
  readonly #slot: DeliverySlot
  readonly #mask: number
  readonly #coreSlots: Int32Array
  readonly #coreTags: Int32Array
  /** Entries whose end was acted upon before it was found in the claims. */
  readonly #done: Uint8Array
  #sending: Sending | null = null
  #hasBacklog: boolean | null = null

  constructor(
    memory: Memory,
    source: MessageSource,
    place: SlotPlace,
    shape: ConsumerShape,
    link: HostLink,
    number: number,
  ) {
    const { entries, ringCapacity } = shape
    this.#memory = memory
    this.#source = source
    this.place = place
    this.shape = shape
    this.link = link
    this.number = number
    this.#slot = new DeliverySlot(
      memory,
      deliveryPlace(place.epoch, place.slot + QUEUE_SLOT_CLAIMS, entries, ringCapacity),
    )
    this.#mask = entries - 1
    this.#coreSlots = new Int32Array(entries)
    this.#coreTags = new Int32Array(entries)
    this.#done = new Uint8Array(entries)
  }

  /** What a predecessor has handed out and not acted upon; `isOver`: whether it has acted upon this hand-out. */
  takeOver(isOver: (offset: Offset, attempt: number) => boolean): HandedOut[] {
    return this.#slot
      .takeOver(() => undefined)
      .filter(({ tag, number, attempt }) => {
        if (!isOver(number, attempt)) return true
        this.#done[tag & this.#mask] = 1
        return false
      })
  }

  /** The core names the hand-out of this tag so. */
  name(tag: number, { slot, tag: coreTag }: CoreClaim): void {
    const entry = tag & this.#mask
    this.#coreSlots[entry] = slot
    this.#coreTags[entry] = coreTag
    this.#done[entry] = 0
  }

  /** How the core names a hand-out that is not over; null: the tag is of none. */
  claimOf(tag: number): CoreClaim | null {
    if (!this.#slot.has(tag)) return null
    const entry = tag & this.#mask
    if (this.#done[entry] === 1) return null
    return { slot: this.#coreSlots[entry] as number, tag: this.#coreTags[entry] as number }
  }

  /** Deliveries that it may have unsettled now: what it wants, within its prefetch. */
  get wanted(): number {
    return Math.min(this.#memory.load(this.place.slot + QUEUE_SLOT_PREFETCH), this.shape.prefetch)
  }

  /** At so many it is served again that had all that it wants: with half of that, or with all that it handles at a time. */
  get lowWater(): number {
    const { wanted } = this
    const handles = this.#memory.i32[(this.place.slot + QUEUE_SLOT_HANDLES) >> 2] as number
    return Math.max(wanted >> 1, Math.min(handles === 0 ? wanted : handles, wanted - 1))
  }

  /** Whether a message can be handed to it now. */
  get hasRoom(): boolean {
    return this.#sending === null && this.#slot.hasRoom
  }

  /** Core tag of the message that its thread is charged with; 0: none that it names. */
  get onStack(): number {
    const tag = this.#memory.i32[(this.place.slot + QUEUE_SLOT_STACK) >> 2] as number
    return tag === 0 ? 0 : (this.claimOf(tag)?.tag ?? 0)
  }

  /** Whether it has told of an end, or a record can be sent on. */
  get hasNews(): boolean {
    return this.#slot.hasEnded() || (this.#sending !== null && this.#slot.hasRoom)
  }

  /** Hands over what it has ended and was not acted upon, by the names of both; how many ends it looked at. */
  ended(each: (tag: number, offset: Offset, slot: number, coreTag: number, standing: Standing) => void): number {
    let count = 0
    this.#slot.ended((tag, offset, standing) => {
      count++
      const entry = tag & this.#mask
      if (this.#done[entry] === 1) this.#slot.free(tag)
      else each(tag, offset, this.#coreSlots[entry] as number, this.#coreTags[entry] as number, standing)
    })
    return count
  }

  /** An end was acted upon: its entry is free once its consumer has come past it. */
  over(tag: number): void {
    if (isEnd(this.#slot.standing(tag))) this.#slot.free(tag)
    else this.#done[tag & this.#mask] = 1
  }

  /** All that it has, after its end. What it has not begun it will not begin, should its thread live. */
  left(): HandedOut[] {
    for (const { tag, standing } of this.#slot.all()) if (standing === 'waiting') this.#slot.recall(tag)
    return this.#slot.all().filter(({ tag }) => this.claimOf(tag) !== null)
  }

  /** The message that is being sent to it, which is on no table yet. */
  get sending(): HandOut | null {
    return this.#sending?.handOut ?? null
  }

  /** Hands it a message; it `hasRoom`. */
  handOut(handOut: HandOut): void {
    const length = this.#source.lengthOf(handOut.offset)
    if (length <= this.#slot.bytesMax && this.#sendLast(handOut, 0, length)) return
    // What was handed in is good until the next hand-out.
    this.#sending = { handOut: { ...handOut }, sent: 0 }
    this.send()
  }

  /** Sends the record on that it is being sent; whether some of it was sent. */
  send(): boolean {
    const sending = this.#sending
    if (sending === null) return false
    const { sent: before, handOut } = sending
    const { offset } = handOut
    const length = this.#source.lengthOf(offset)
    const most = this.#slot.bytesMax
    for (; length - sending.sent > most; sending.sent += most) {
      if (!this.#slot.sendPiece(offset, sending.sent, most)) return sending.sent > before
      this.#source.copy(offset, sending.sent, most, this.#slot.address)
    }
    if (!this.#sendLast(handOut, sending.sent, length - sending.sent)) return sending.sent > before
    this.#sending = null
    return true
  }

  /** Sends the end of a record, or all of it, and with it its message; whether there was room. */
  #sendLast(handOut: HandOut, sent: number, bytes: number): boolean {
    const { offset, slot, tag, deliveryAttempt, failedAttempts, cohort, suspect } = handOut
    const flags = (suspect ? DELIVERY_SUSPECT : 0) | (sent > 0 ? DELIVERY_JOINED : 0)
    const timestamp = this.#source.timestampOf(offset)
    const given = this.#slot.handOut({ offset, deliveryAttempt, failedAttempts, flags, cohort, timestamp }, bytes)
    if (given === NOT_NOW) return false
    this.#source.copy(offset, sent, bytes, this.#slot.address)
    const entry = given & this.#mask
    this.#coreSlots[entry] = slot
    this.#coreTags[entry] = tag
    this.#done[entry] = 0
    return true
  }

  /** Tells it whether messages or senders wait for what it ends. */
  waits(hasBacklog: boolean): void {
    if (hasBacklog === this.#hasBacklog) return
    this.#hasBacklog = hasBacklog
    this.#memory.store(this.place.slot + QUEUE_SLOT_BACKLOG, hasBacklog ? 1 : 0)
  }

  /** Makes what was handed out visible, and wakes its thread; whether there was anything. */
  publish(): boolean {
    if (!this.#slot.publish()) return false
    this.link.wake(this.place.cursor)
    return true
  }

  /** Wakes its thread: a predecessor may have died before it did. */
  wake(): void {
    this.link.wake(this.place.cursor)
  }
}

function isEnd(standing: Standing): boolean {
  return standing === 'acked' || standing === 'released' || standing === 'reported' || standing === 'yielded'
}
