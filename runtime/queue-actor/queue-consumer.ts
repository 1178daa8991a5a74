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
import type { HostLink } from '../link/host-link.ts'
import type { HandOut, HandOutRun } from '../queue/queue-words.ts'
import { deliveryPlace } from '../wire/delivery-places.ts'
import { QUEUE_SLOT_CLAIMS } from '../wire/layout.ts'
import type { SlotPlace } from '../wire/places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'
import type { Offset } from '../words/quantities.ts'
import type { ConsumerEnds, CoreClaim, WaitingClaim } from './consumer-claims.ts'
import { ConsumerWords } from './consumer-words.ts'
import type { MessageSource } from './message-source.ts'
import { RecordSender } from './record-sender.ts'

const GOES_ON = 0
const OVER = 1
const CONCLUDED = 2

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
  readonly words: ConsumerWords
  readonly #slot: DeliverySlot
  readonly #records: RecordSender
  readonly #mask: number
  /** By entry of the claims, how the core names what stands there. */
  readonly coreSlots: Int32Array
  readonly coreTags: Int32Array
  /** Entries whose end was acted upon, and is not found in the claims (OVER), or not written down (CONCLUDED). */
  readonly #done: Uint8Array
  #sending: Sending | null = null
  /** The tag of what it was handed last. */
  #newest = 0

  constructor(
    memory: Memory,
    source: MessageSource,
    place: SlotPlace,
    shape: ConsumerShape,
    link: HostLink,
    number: number,
  ) {
    const { entries, ringCapacity } = shape
    this.words = new ConsumerWords(memory, place, shape)
    this.place = place
    this.shape = shape
    this.link = link
    this.number = number
    this.#slot = new DeliverySlot(
      memory,
      deliveryPlace(place.epoch, place.slot + QUEUE_SLOT_CLAIMS, entries, ringCapacity),
    )
    this.#records = new RecordSender(source, this.#slot)
    this.#mask = entries - 1
    this.coreSlots = new Int32Array(entries)
    this.coreTags = new Int32Array(entries)
    this.#done = new Uint8Array(entries)
  }

  /**
   * What a predecessor has handed out and not acted upon; `isOver`: whether it has acted upon this hand-out. What was taken back is the
   * queue's, and may have gone elsewhere since: nothing that is known of a message tells that.
   */
  takeOver(isOver: (offset: Offset, attempt: number) => boolean): HandedOut[] {
    return this.#slot
      .takeOver(() => undefined)
      .filter(({ tag, number, attempt, standing }) => {
        if (standing !== 'yielded' && standing !== 'recalled' && !isOver(number, attempt)) return true
        this.#done[tag & this.#mask] = OVER
        return false
      })
  }

  /** The tag of what it was handed last; 0: nothing. */
  get newest(): number {
    return this.#newest
  }

  /** The core names the hand-out of this tag so. */
  name(tag: number, slot: number, coreTag: number): void {
    this.#newest = tag
    const entry = tag & this.#mask
    this.coreSlots[entry] = slot
    this.coreTags[entry] = coreTag
    this.#done[entry] = GOES_ON
  }

  /** How the core names a hand-out that is not over; null: the tag is of none. */
  claimOf(tag: number): CoreClaim | null {
    if (!this.#slot.has(tag)) return null
    const entry = tag & this.#mask
    if (this.#done[entry] !== GOES_ON) return null
    return { slot: this.coreSlots[entry] as number, tag: this.coreTags[entry] as number }
  }

  /** Whether a message can be handed to it now. */
  get hasRoom(): boolean {
    return this.#sending === null && this.#slot.hasRoom
  }

  /** Core tag of the message that its thread is charged with; 0: none that it names. */
  get onStack(): number {
    const tag = this.words.onStack
    return tag === 0 ? 0 : (this.claimOf(tag)?.tag ?? 0)
  }

  /** Whether it has told of an end, or a record can be sent on. */
  get hasNews(): boolean {
    return this.#slot.hasEnded() || (this.#sending !== null && this.#slot.hasRoom)
  }

  /** Hands over what it has ended and was not acted upon; how many ends it looked at. */
  ended(ends: ConsumerEnds): number {
    let count = 0
    const one = (tag: number, offset: Offset, standing: Standing): void => {
      const done = this.#done[tag & this.#mask]
      if (done === CONCLUDED) return
      count++
      if (done === OVER) this.#slot.free(tag)
      else ends.ended(tag, offset, standing)
    }
    this.#slot.ended({
      acked: (first, acked) => {
        if (this.#goOn(first & this.#mask, acked)) {
          count += acked
          ends.acked(first, acked)
        } else for (let tag = first; tag < first + acked; tag++) one(tag, this.#slot.offsetOf(tag), 'acked')
      },
      ended: one,
    })
    return count
  }

  /** Whether of so many entries, from one on, none was acted upon. */
  #goOn(from: number, count: number): boolean {
    for (let entry = from; entry < from + count; entry++) if (this.#done[entry] !== GOES_ON) return false
    return true
  }

  /** How the core names the first of a run of acks is at this index of `coreSlots` and `coreTags`, and the others are behind it. */
  indexOf(tag: number): number {
    return tag & this.#mask
  }

  /** The offset of a message that it has. */
  offsetOf(tag: number): Offset {
    return this.#slot.offsetOf(tag)
  }

  /** So many ends, from this tag on, were acted upon, and are to be written down before their entries are free. */
  concluded(first: number, count: number): void {
    const from = first & this.#mask
    this.#done.fill(CONCLUDED, from, from + count)
  }

  /** So many acks, from this tag on, were acted upon. */
  runIsOver(first: number, count: number): void {
    this.#slot.freeRun(first, count)
  }

  /** An end was acted upon: its entry is free once its consumer has come past it. */
  over(tag: number): void {
    if (isEnd(this.#slot.standing(tag))) this.#slot.free(tag)
    else this.#done[tag & this.#mask] = OVER
  }

  /** Whether it has begun a message that it holds. */
  hasBegun(offset: Offset): boolean {
    return this.#slot.all().some(({ number, standing }) => number === offset && standing === 'begun')
  }

  /** Where a message is that it has; null: it has not. */
  find(offset: Offset): HandedOut | null {
    return this.#slot.all().find(({ tag, number }) => number === offset && this.claimOf(tag) !== null) ?? null
  }

  /** What it has in advance: it has not begun it, and is not about to. In the order in which it was handed out. */
  waiting(): WaitingClaim[] {
    return this.#slot
      .all()
      .filter(({ tag, standing }) => standing === 'waiting' && this.claimOf(tag) !== null)
      .map(({ tag, number: offset }) => ({ tag, offset }))
  }

  /** Takes a message back; false: it has begun, or is about to. */
  recall(tag: number): boolean {
    const found = this.#slot.recall(tag)
    return found === 'recalled' || found === 'yielded'
  }

  /** Whether it has the message of this tag in advance. */
  isWaiting(tag: number): boolean {
    return this.claimOf(tag) !== null && this.#slot.standing(tag) === 'waiting'
  }

  /** All that it has, after its end. What it has not begun it will not begin, should its thread live. */
  left(): HandedOut[] {
    for (const { tag, standing } of this.#slot.all()) if (standing === 'waiting') this.#slot.recall(tag)
    return this.#slot.all().filter(({ tag }) => this.claimOf(tag) !== null)
  }

  /** One that it was about to begin when its thread exited is the queue's: off the table, as it says nothing of that itself. */
  takenBack(tag: number): void {
    this.#slot.free(tag)
  }

  /** The message that is being sent to it, which is on no table yet. */
  get sending(): HandOut | null {
    return this.#sending?.handOut ?? null
  }

  /** Hands it a message; it `hasRoom`. */
  handOut(handOut: HandOut): void {
    const tag = this.#records.send(handOut, 0)
    // What was handed in is good until the next hand-out.
    if (tag === NOT_NOW) this.#sending = { handOut: { ...handOut }, sent: this.#records.sent }
    else this.name(tag, handOut.slot, handOut.tag)
  }

  /** Bytes of messages that it can be handed together. */
  get runBytes(): number {
    return this.#slot.bytesMax
  }

  /** Hands it messages; it `hasRoom`. How many of them went: the others it does not have. */
  handOutRun({ first, count, slots, tags, offsets }: HandOutRun): number {
    if (count === 1) {
      this.handOut(first)
      return 1
    }
    let sent = 0
    while (sent < count) {
      const end = this.#records.runEnd(offsets, sent, count)
      const given = end === sent ? NOT_NOW : this.#records.sendRun(offsets, sent, end)
      if (given === NOT_NOW) break
      const { coreSlots, coreTags } = this
      const done = this.#done
      for (let tag = given; sent < end; tag++, sent++) {
        const entry = tag & this.#mask
        coreSlots[entry] = slots[sent] as number
        coreTags[entry] = tags[sent] as number
        done[entry] = 0
        this.#newest = tag
      }
    }
    return sent
  }

  /** Sends the record on that it is being sent; whether some of it was sent. */
  send(): boolean {
    const sending = this.#sending
    if (sending === null) return false
    const { sent: before, handOut } = sending
    const tag = this.#records.send(handOut, before)
    sending.sent = this.#records.sent
    if (tag === NOT_NOW) return sending.sent > before
    this.name(tag, handOut.slot, handOut.tag)
    this.#sending = null
    return true
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
