/**
 * The lists in which messages wait behind others of their key: each knows the one before it and the one after it.
 *
 * The partition host's thread. Pure. A link is the distance to the other one, so that it takes 4 bytes; a distance that does not fit is
 * kept in a map. Links lie in pages of 512 offsets, made where a message waits, and given back when none waits there any more.
 *
 * ```
 * word 2 n       distance to the one behind message n of the page; END: it is the last; 0: it waits in no list
 * word 2 n + 1   distance to the one before it; END: it is the first
 * word 1,024     messages of the page that wait
 * ```
 *
 * Bound: 8 bytes for each offset of a page in which a message waits.
 */
const PAGE_OFFSETS = 512
const COUNT: number = 2 * PAGE_OFFSETS
const PAGE_WORDS: number = COUNT + 1
const NO_LINK = 0
const END = 0x7fff_ffff
const FAR = -0x8000_0000
/** Pages that are kept for the next ones. */
const SPARE_MAX = 64

export class KeyLinks {
  readonly #pages = new Map<number, Int32Array>()
  readonly #spare: Int32Array[] = []
  /** Links that do not fit, by the offset they lead from. */
  readonly #farBehind = new Map<number, number>()
  readonly #farBefore = new Map<number, number>()
  /** The page that was used last. */
  #number = -1
  #page: Int32Array = new Int32Array(PAGE_WORDS)

  has(offset: number): boolean {
    const page = this.#find(offset)
    return page !== undefined && page[wordOf(offset)] !== NO_LINK
  }

  /** It stands behind `last`, which is the last of its list; -1: it is alone. */
  add(offset: number, last: number): void {
    const page = this.#pageFor(offset)
    page[wordOf(offset)] = END
    page[COUNT]!++
    this.#setBefore(offset, last)
    if (last !== -1) this.#setBehind(last, offset)
  }

  /** The one behind it; -1: none. */
  behind(offset: number): number {
    return this.#follow(offset, wordOf(offset), this.#farBehind)
  }

  /** The one before it; -1: none. */
  before(offset: number): number {
    return this.#follow(offset, wordOf(offset) + 1, this.#farBefore)
  }

  /** It leaves its list, and the one behind it follows the one before it. */
  remove(offset: number): void {
    const [before, behind] = [this.before(offset), this.behind(offset)]
    if (before !== -1) this.#setBehind(before, behind)
    if (behind !== -1) this.#setBefore(behind, before)
    this.#farBehind.delete(offset)
    this.#farBefore.delete(offset)
    const page = this.#pageFor(offset)
    page[wordOf(offset)] = NO_LINK
    page[wordOf(offset) + 1] = NO_LINK
    if (--page[COUNT]! > 0) return
    this.#pages.delete(this.#number)
    if (this.#spare.length < SPARE_MAX) this.#spare.push(page)
    this.#number = -1
  }

  #setBehind(offset: number, behind: number): void {
    this.#set(offset, wordOf(offset), behind, this.#farBehind)
  }

  #setBefore(offset: number, before: number): void {
    this.#set(offset, wordOf(offset) + 1, before, this.#farBefore)
  }

  #set(offset: number, word: number, to: number, far: Map<number, number>): void {
    const page = this.#pageFor(offset)
    if (page[word] === FAR) far.delete(offset)
    const distance = to - offset
    if (to === -1) page[word] = END
    else if (distance > FAR && distance < END) page[word] = distance
    else {
      page[word] = FAR
      far.set(offset, to)
    }
  }

  #follow(offset: number, word: number, far: Map<number, number>): number {
    const distance = this.#pageFor(offset)[word] as number
    if (distance === END) return -1
    return distance === FAR ? (far.get(offset) as number) : offset + distance
  }

  #find(offset: number): Int32Array | undefined {
    const number = Math.floor(offset / PAGE_OFFSETS)
    if (number === this.#number) return this.#page
    const page = this.#pages.get(number)
    if (page === undefined) return undefined
    this.#number = number
    this.#page = page
    return page
  }

  #pageFor(offset: number): Int32Array {
    const found = this.#find(offset)
    if (found !== undefined) return found
    const page = this.#spare.pop() ?? new Int32Array(PAGE_WORDS)
    this.#number = Math.floor(offset / PAGE_OFFSETS)
    this.#page = page
    this.#pages.set(this.#number, page)
    return page
  }
}

function wordOf(offset: number): number {
  return 2 * (offset % PAGE_OFFSETS)
}
