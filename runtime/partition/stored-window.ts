/**
 * How large the window of a partition on disk is, which is no more than a copy of the end of its log: made larger, given back.
 *
 * The partition host's thread. At rest the window has a few KiB behind its words, which are the partition's for ever. Traffic
 * asks for more (window-need.ts); what the control thread then lends it (`offer`) it takes over empty, as soon as no reader is
 * copying, and gives back in the same way. Who was behind in it, and fell out, reads the log.
 *
 * What has no room in the window goes past it (disk-keeping.ts). So nothing ever waits for a larger window, and none is needed.
 *
 * Bounds: one loan, and one offer that is not taken up yet.
 */

import type { WindowData, WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import type { HeldWindow, WindowOffer } from '../wire/places.ts'
import type { PartitionId } from '../words/quantities.ts'
import { WindowNeed } from './window-need.ts'

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
  readonly partition: PartitionId
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
    { topic, partition }: { readonly topic: number; readonly partition: PartitionId },
    [window, reader]: readonly [WindowWriter, WindowReader],
    smallBytes: number,
    wantedBytes: number,
    told: WindowTold,
    isOwing: () => boolean,
  ) {
    this.topic = topic
    this.partition = partition
    this.#window = window
    this.#reader = reader
    this.#wantedBytes = wantedBytes
    this.#need = new WindowNeed(smallBytes, wantedBytes)
    this.#told = told
    this.#isOwing = isOwing
  }

  /** Whether a batch goes past the window, whose first frame has `first` bytes of the `ready` ones that it has. */
  leavesOut(first: number, ready: number): boolean {
    const { capacity } = this.#window
    return first > capacity || (capacity < this.#wantedBytes && ready > capacity)
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

  /** What a predecessor borrowed or was offered: it may have taken it up or given it back, and not have told. */
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

  /** What it has borrowed is needed elsewhere: it goes back as soon as no reader is copying. */
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
