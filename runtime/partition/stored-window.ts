/**
 * The window of a partition on disk, which is no more than a copy of the end of its log: made larger, given back, left out.
 *
 * The partition host's thread. At rest the window has a few KiB behind its words, which are the partition's for ever. Traffic
 * asks for more (window-need.ts); what the control thread then lends it (`offer`) it takes over empty, as soon as no reader is
 * copying, and gives back in the same way. Who was behind in it, and fell out, reads the log.
 *
 * What has no room in the window is written to the log from where it is, and readers find it there: a frame larger than
 * the window, and, while the window is small, what is in a ring beyond it, so that a commit is no smaller for that. So nothing
 * ever waits for a larger window, and none is needed.
 *
 * Bounds: one loan, and one offer that is not taken up yet.
 */
import { CORRUPT, type Memory, type WindowData, type WindowReader, type WindowWriter } from 'sharedarraybuffer-ring'
import type { HeldWindow, WindowOffer } from '../wire/places.ts'
import type { IncomingRing } from './incoming-ring.ts'
import { StagedAppend } from './staged-append.ts'
import { WindowNeed } from './window-need.ts'

/** A pass takes one ring, and each pass is a commit: the more it takes the less that costs. */
const COMMIT_BYTES = 262_144

/** What the partition tells of its window. */
export interface WindowTold {
  /** It is busy: from now on it is looked at. */
  isBusy(window: StoredWindow): void
  /** It asks for so many bytes. */
  asks(window: StoredWindow, bytes: number): void
  /** Its data are at this address now; 0: behind its words. What it was lent or offered up to this number besides is nobody's. */
  moved(window: StoredWindow, address: number, number: number): void
}

export class StoredWindow {
  readonly topic: number
  readonly partition: number
  readonly #memory: Memory
  readonly #window: WindowWriter
  readonly #reader: WindowReader
  readonly #wantedBytes: number
  readonly #need: WindowNeed
  readonly #told: WindowTold
  readonly #isOwing: () => boolean
  #offer: WindowOffer | null = null
  /** Number of the last offer: a call that is made again, to a successor, is known by it. */
  #offered = 0
  #isLeaving = false
  /** Something was taken since it was last found at rest. */
  #isBusy = false

  /**
   * `isOwing`: whether answers of a predecessor's last append are still to be given. What they are is found in the window, by
   * the next thread too if this one dies, so that it gives up nothing before.
   */
  constructor(
    { topic, partition }: { readonly topic: number; readonly partition: number },
    [memory, window, reader]: readonly [Memory, WindowWriter, WindowReader],
    smallBytes: number,
    wantedBytes: number,
    told: WindowTold,
    isOwing: () => boolean,
  ) {
    this.topic = topic
    this.partition = partition
    this.#memory = memory
    this.#window = window
    this.#reader = reader
    this.#wantedBytes = wantedBytes
    this.#need = new WindowNeed(smallBytes, wantedBytes)
    this.#told = told
    this.#isOwing = isOwing
  }

  /** Whether bytes of this number can ever be in the window as it is now. */
  holds(bytes: number): boolean {
    return bytes <= this.#window.capacity
  }

  /** Gives up the oldest frames, which are on disk, until so many bytes are free; false: a reader is copying one of them. */
  overtake(bytes: number): boolean {
    if (!this.#goesOn()) return false
    let given = 0
    const free = this.#window.free()
    const { start, committedEnd } = this.#window
    // Not into what this very append has copied in: that is on disk when it is committed, and not before.
    while (free + given < bytes && ((start + given) | 0) !== committedEnd)
      given += this.#reader.word((start + given) | 0)
    return free + given >= bytes && this.#window.overtake(given)
  }

  /** Where readers were told that something is left out, and it was not, the window ends elsewhere: that comes before anything else. */
  #goesOn(): boolean {
    return !this.#window.isPassed || this.#window.overtake(0)
  }

  /** Takes what a ring holds, to be written to the log from `baseOffset` on; `isEmpty` if there is no room for any of it now. */
  stage(ring: IncomingRing, baseOffset: number): StagedAppend {
    const { consumer, link } = ring
    const words = this.#memory.i32
    const window = this.#window
    let address = consumer.next()
    const first = address < 0 ? 0 : (words[address >> 2] as number)
    const isSmall = window.capacity < this.#wantedBytes
    const isBeside = !this.holds(first) || (isSmall && !this.holds(consumer.ready))
    if (!isBeside && !this.#goesOn()) return StagedAppend.nothing(ring, window.end, baseOffset)
    const staged = new StagedAppend(ring, window.end, baseOffset, isBeside)
    for (let receipts = link.room(); address >= 0 && receipts > 0 && staged.bytes < COMMIT_BYTES; receipts--) {
      const length = words[address >> 2] as number
      if (!isBeside && window.free() < length && !this.overtake(length)) {
        staged.isCut = true
        break
      }
      staged.take(this.#memory, address)
      if (!isBeside) window.copyIn(address, length)
      consumer.advance(length)
      address = consumer.next()
    }
    staged.isCorrupt = address === CORRUPT
    if (!isBeside || staged.isEmpty || window.skip(staged.bytes)) return staged
    consumer.rewind()
    return StagedAppend.nothing(ring, window.end, baseOffset)
  }

  /** So many bytes were appended and committed. */
  took(bytes: number): void {
    if (!this.#isBusy) {
      this.#isBusy = true
      this.#told.isBusy(this)
    }
    if (this.#need.took(bytes, this.#window.capacity)) this.#told.asks(this, this.#wantedBytes)
    this.#move()
  }

  /** The control thread lends it this. */
  offer(offer: WindowOffer): void {
    if (offer.number <= this.#offered) return
    this.#offered = offer.number
    this.#offer = offer
    this.#move()
  }

  /** What a predecessor was lent or offered: it may have taken it up or given it back, and not have told. */
  restore({ number, offer }: Pick<HeldWindow, 'number' | 'offer'>): void {
    this.#isBusy = true
    this.#told.isBusy(this)
    this.#offered = number
    const address = this.#window.movedTo?.address ?? 0
    const isOpen = offer !== null && offer.address !== address
    this.#told.moved(this, address, isOpen ? number - 1 : number)
    if (isOpen) this.#offer = offer
    this.#move()
  }

  /** What it was lent is needed elsewhere: it goes back as soon as no reader is copying. */
  recall(): void {
    this.#offer = null
    this.#isLeaving = true
    this.#move()
  }

  /** It is looked at once in a while; whether it is to be looked at again. */
  look(): boolean {
    const looked = this.#need.look(this.#window.capacity)
    if (looked === 'giveBack') this.#isLeaving = true
    this.#move()
    if (looked !== 'rest' || this.#isLeaving || this.#offer !== null) return true
    this.#isBusy = false
    return false
  }

  /** Moves the window if that is due; nothing is staged. While a reader is copying it is not done, and tried again. */
  #move(): void {
    if (this.#isOwing()) return
    if (this.#isLeaving) {
      if (this.#window.movedTo !== null && !this.#moveTo(null)) return
      this.#isLeaving = false
      this.#offer = null
      this.#told.moved(this, 0, this.#offered)
      return
    }
    const offer = this.#offer
    if (offer === null || !this.#moveTo(offer)) return
    this.#offer = null
    this.#told.moved(this, offer.address, offer.number)
  }

  #moveTo(place: WindowData | null): boolean {
    if (!this.#window.moveTo(place)) return false
    this.#reader.follow()
    return true
  }
}
