/**
 * What the JSON values of a topic have looked like so far: which keys follow which, place by place.
 *
 * Leaf module, any thread; belongs to one reader. Keys form a tree: behind each key stand those that have followed it, so that
 * values which leave a key out, or have another, are known as well. A key is kept as the bytes that `JSON.stringify` writes
 * around it, for the reader (shaped-json.ts) to compare eight at a time.
 *
 * Bounds: KEYS_MAX keys in all, FOLLOWERS_MAX behind one, DEPTH_MAX places inside each other. At each of them nothing more is
 * learnt, and such values are read by `JSON.parse` as ever.
 */

/** A place in a value: the value itself, that of a key, or the elements of an array. */
export interface Place {
  /** The keys that its objects have begun with. */
  first: KnownKey | null
  /** Null: no array with an element has been seen here. */
  items: Place | null
}

export interface KnownKey {
  readonly name: string
  /** Bytes of what stands in front of the value: `{"name":` or `,"name":`. */
  readonly length: number
  /** Its first and its last eight bytes, as a double; of fewer than eight bytes, its first and last four as an integer. */
  readonly head: number
  readonly tail: number
  /** The eights between those; none of most. */
  readonly middle: readonly number[]
  readonly value: Place
  /** What has followed it. */
  next: KnownKey | null
  /** What has stood in its stead. */
  other: KnownKey | null
  /** Of objects that have ended with it. */
  object: KnownObject | null
}

/** Objects with these keys. */
export interface KnownObject {
  readonly names: readonly string[]
  /** To be copied: its properties are there, so that no setter or lock of `Object.prototype` is met when they are set. */
  readonly template: Readonly<Record<string, unknown>>
}

const KEYS_MAX = 256
const KEYS_OF_OBJECT_MAX = 64
const FOLLOWERS_MAX = 8
const DEPTH_MAX = 8
/** Of an array so many elements are looked at. */
const LOOKED_AT = 4

function newPlace(): Place {
  return { first: null, items: null }
}

export class ValueShapes {
  readonly root: Place = newPlace()
  #keys = 0

  /** How many keys are known. */
  get size(): number {
    return this.#keys
  }

  /** Learns from a value that `JSON.parse` has made. */
  learn(value: unknown): void {
    this.#learn(this.root, value, DEPTH_MAX)
  }

  #learn(place: Place, value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null || depth === 0) return
    if (!Array.isArray(value)) {
      this.#learnObject(place, value as Readonly<Record<string, unknown>>, depth)
      return
    }
    if (value.length === 0) return
    place.items ??= newPlace()
    for (const item of value.slice(0, LOOKED_AT)) this.#learn(place.items, item, depth - 1)
  }

  #learnObject(place: Place, value: Readonly<Record<string, unknown>>, depth: number): void {
    const names = Object.keys(value)
    if (names.length > KEYS_OF_OBJECT_MAX) return
    let last: KnownKey | null = null
    for (const name of names) {
      const key: KnownKey | null = this.#key(place, last, name)
      if (key === null) return
      this.#learn(key.value, value[name], depth - 1)
      last = key
    }
    if (last !== null) last.object ??= { names, template: templateOf(names) }
  }

  /** The key of this name behind `last`, or at the beginning of the place; null: no more are learnt. */
  #key(place: Place, last: KnownKey | null, name: string): KnownKey | null {
    const first = last === null ? place.first : last.next
    let end: KnownKey | null = null
    let followers = 0
    for (let key = first; key !== null; key = key.other) {
      if (key.name === name) return key
      end = key
      followers++
    }
    if (followers === FOLLOWERS_MAX || this.#keys === KEYS_MAX) return null
    this.#keys++
    const made = knownKey(name, `${last === null ? '{' : ','}${JSON.stringify(name)}:`)
    if (end !== null) end.other = made
    else if (last !== null) last.next = made
    else place.first = made
    return made
  }
}

function knownKey(name: string, lead: string): KnownKey {
  const bytes = Buffer.from(lead)
  const { length } = bytes
  const isShort = length < 8
  const middle: number[] = []
  for (let at = 8; at + 8 < length; at += 8) middle.push(bytes.readDoubleLE(at))
  return {
    name,
    length,
    head: isShort ? bytes.readInt32LE(0) : bytes.readDoubleLE(0),
    tail: isShort ? bytes.readInt32LE(length - 4) : bytes.readDoubleLE(length - 8),
    middle,
    value: newPlace(),
    next: null,
    other: null,
    object: null,
  }
}

/** Made by `JSON.parse`, for objects to be of the kind that it makes; it sets `__proto__` as any other key. */
function templateOf(names: readonly string[]): Readonly<Record<string, unknown>> {
  return JSON.parse(`{${names.map(name => `${JSON.stringify(name)}:null`).join(',')}}`)
}
