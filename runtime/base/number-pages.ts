/**
 * A map from numbers that lie close together to numbers from 1 on: pages of 512, made where there is an entry.
 *
 * The partition host's thread. Pure. Bound: 8 bytes for each number of a page that has an entry; a page goes with its last one.
 */
const PAGE = 512
const COUNT: number = PAGE
/** Pages that are kept for the next ones. */
const SPARE_MAX = 64

export class NumberPages {
  readonly #pages = new Map<number, Float64Array>()
  readonly #spare: Float64Array[] = []
  /** The page that was used last. */
  #number = -1
  #page: Float64Array = new Float64Array(PAGE + 1)

  /** 0: there is none. */
  get(number: number): number {
    const page = this.#find(number)
    return page === undefined ? 0 : (page[number % PAGE] as number)
  }

  set(number: number, value: number): void {
    const page = this.#find(number) ?? this.#make(number)
    if (page[number % PAGE] === 0) page[COUNT]!++
    page[number % PAGE] = value
  }

  /** What it was; 0: there was none. */
  delete(number: number): number {
    const page = this.#find(number)
    const value = page?.[number % PAGE] ?? 0
    if (page === undefined || value === 0) return 0
    page[number % PAGE] = 0
    if (--page[COUNT]! > 0) return value
    this.#pages.delete(this.#number)
    if (this.#spare.length < SPARE_MAX) this.#spare.push(page)
    this.#number = -1
    return value
  }

  #find(number: number): Float64Array | undefined {
    const at = Math.floor(number / PAGE)
    if (at === this.#number) return this.#page
    const page = this.#pages.get(at)
    if (page === undefined) return undefined
    this.#number = at
    this.#page = page
    return page
  }

  #make(number: number): Float64Array {
    const page = this.#spare.pop() ?? new Float64Array(PAGE + 1)
    this.#number = Math.floor(number / PAGE)
    this.#page = page
    this.#pages.set(this.#number, page)
    return page
  }
}
