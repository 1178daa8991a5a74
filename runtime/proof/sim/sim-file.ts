/**
 * The bytes of a simulated file: as processes see them, and as far as needed what a loss of power may put back.
 *
 * There is one image, the current one. For each piece of 512 bytes that was changed since the last sync its bytes of then
 * are kept, so that a sync forgets and a loss of power restores, and neither touches what did not change. What was
 * changed is kept in layers: a background sync that is under way begins a new one, and what lies below is durable when
 * it completes; the layer above it still holds the bytes that it made durable.
 *
 * ```
 * layers[0]   pieces as they are on the disk       size on the disk
 * layers[1]   pieces as they were when the oldest background sync was begun, and the size then
 * ...
 * bytes       pieces as they are
 * ```
 *
 * A sync that fails leaves pieces as they are on the disk and takes them for written, as systems do: `unwritten` has their bytes
 * there, and no later sync makes them durable before they are written again.
 *
 * Bytes from `size` to the end of the buffer are zero. Bound: one layer for each background sync since the last sync.
 */
import type { Chance } from './chance.ts'

export const PIECE_BYTES = 512

/** Stands for each piece that was beyond the end of its file. */
const ZEROES: Uint8Array = new Uint8Array(PIECE_BYTES)

export interface Layer {
  /** By the number of a piece, its bytes when the layer was begun; pieces that have not changed since are not there. */
  readonly pieces: Map<number, Uint8Array>
  /** Bytes when it was begun. */
  readonly size: number
  /** The sizes that the file has had since. */
  least: number
  most: number
}

/** How a loss of power treats what was not durable, drawn once for each so that some take nearly all, others little. */
export interface Fate {
  /** The share of pieces and names that survive. */
  readonly survives: number
  /** The share of what does not survive whole, but tears. */
  readonly tears: number
}

export class SimFile {
  #bytes: Uint8Array = new Uint8Array(PIECE_BYTES)
  #size = 0
  readonly #layers: Layer[] = [{ pieces: new Map(), size: 0, least: 0, most: 0 }]

  /** By the number of a piece, what the disk has of it: a sync that failed should have written it. */
  readonly #unwritten = new Map<number, Uint8Array>()

  get size(): number {
    return this.#size
  }

  /** Whether a loss of power could change anything. */
  get isDurable(): boolean {
    if (this.#unwritten.size > 0) return false
    return this.#layers.every(({ pieces, size, least, most }) => pieces.size === 0 && size === least && size === most)
  }

  /** Fills `into` from this byte on; returns how many bytes there were. */
  read(into: Uint8Array, position: number): number {
    const bytes = Math.max(0, Math.min(into.byteLength, this.#size - position))
    if (bytes > 0) into.set(this.#bytes.subarray(position, position + bytes))
    return bytes
  }

  /** Writes the first `bytes` of these parts. */
  write(parts: readonly Uint8Array[], position: number, bytes: number): void {
    if (bytes === 0) return
    const end = position + bytes
    this.#keep(position, end)
    this.#grow(end)
    let at = position
    for (const part of parts) {
      if (at + part.byteLength > end) {
        this.#bytes.set(part.subarray(0, end - at), at)
        break
      }
      this.#bytes.set(part, at)
      at += part.byteLength
    }
    this.#resize(Math.max(this.#size, end))
  }

  truncate(bytes: number): void {
    if (bytes < this.#size) {
      this.#keep(bytes, this.#size)
      this.#bytes.fill(0, bytes, this.#size)
    } else this.#grow(bytes)
    this.#resize(bytes)
  }

  /** Makes everything durable but what an earlier sync failed to write. */
  sync(): void {
    this.#layers.length = 0
    this.#layers.push({ pieces: new Map(), size: this.#size, least: this.#size, most: this.#size })
  }

  /** A sync that fails: later ones have nothing to write of what is here now. */
  failSync(): void {
    for (const { pieces } of this.#layers)
      for (const [number, bytes] of pieces) if (!this.#unwritten.has(number)) this.#unwritten.set(number, bytes)
    const { size } = this.#layers[0] as Layer
    const least = Math.min(...this.#layers.map(layer => layer.least))
    const most = Math.max(...this.#layers.map(layer => layer.most))
    this.#layers.length = 0
    this.#layers.push({ pieces: new Map(), size, least, most })
  }

  /** Begins a background sync: what is written from now on it does not cover. */
  beginSync(): Layer {
    const layer = { pieces: new Map(), size: this.#size, least: this.#size, most: this.#size }
    this.#layers.push(layer)
    return layer
  }

  /** What was written before this sync was begun is durable; nothing if a later one was faster. */
  completeSync(layer: Layer): void {
    const below = this.#layers.indexOf(layer)
    if (below > 0) this.#layers.splice(0, below)
  }

  /** Each piece that is not durable survives, vanishes or tears; so may the size. What is left is durable. */
  powerCut(chance: Chance, { survives, tears }: Fate): void {
    const [oldest] = this.#layers
    let least = this.#size
    let most = this.#size
    const numbers = new Set<number>()
    for (const layer of this.#layers) {
      least = Math.min(least, layer.least)
      most = Math.max(most, layer.most)
      for (const number of layer.pieces.keys()) numbers.add(number)
    }
    for (const [number, bytes] of this.#unwritten)
      if (!chance.happens(survives)) this.#bytes.set(bytes, number * PIECE_BYTES)
    this.#unwritten.clear()
    for (const number of numbers) {
      if (chance.happens(survives)) continue
      const before = this.#layers.flatMap(({ pieces }) => pieces.get(number) ?? [])
      const old = before.length === 1 ? (before[0] as Uint8Array) : chance.pick(before)
      const from = chance.happens(tears) ? chance.between(1, PIECE_BYTES - 1) : 0
      this.#bytes.set(from === 0 ? old : old.subarray(from), number * PIECE_BYTES + from)
    }
    let size = this.#size
    if (least !== most && !chance.happens(survives))
      size = chance.happens(0.5) ? (oldest as Layer).size : chance.between(least, most)
    this.#bytes.fill(0, size, most)
    this.#size = size
    this.sync()
  }

  /** Before the bytes between these two change: keeps the pieces that the newest layer does not have yet. */
  #keep(start: number, end: number): void {
    const { pieces } = this.#layers.at(-1) as Layer
    const last = Math.floor((end - 1) / PIECE_BYTES)
    for (let number = Math.floor(start / PIECE_BYTES); number <= last; number++) {
      if (pieces.has(number)) continue
      const at = number * PIECE_BYTES
      const seen = at >= this.#size ? ZEROES : this.#bytes.slice(at, at + PIECE_BYTES)
      pieces.set(number, this.#unwritten.get(number) ?? seen)
      this.#unwritten.delete(number)
    }
  }

  #grow(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const room = Math.max(bytes, 2 * this.#bytes.length)
    const grown = new Uint8Array(Math.ceil(room / PIECE_BYTES) * PIECE_BYTES)
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }

  #resize(size: number): void {
    const layer = this.#layers.at(-1) as Layer
    layer.least = Math.min(layer.least, size)
    layer.most = Math.max(layer.most, size)
    this.#size = size
  }
}
