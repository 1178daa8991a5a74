/**
 * The `json` codec of one reader of many values: it learns what they look like, and reads those that look alike faster.
 *
 * Any thread; each reader has its own. What it encodes, returns and throws is what the codec of words/codec.ts does.
 *
 * Values that do not look like those before cost an attempt each. Too many of them, and it makes a pause, in which `JSON.parse`
 * reads everything; each pause is twice as long as the one before, up to PAUSE_MAX values.
 */
import { type Codec, codecOf } from '../words/codec.ts'
import type { CodecName } from '../words/message.ts'
import { shapedReader, UNKNOWN } from './shaped-json.ts'
import { ValueShapes } from './value-shapes.ts'

/** What an attempt in vain counts, and a good one takes away again: more than one in nine is too many. */
const VAIN = 8
/** At this count a pause begins. */
const TOO_MANY = 256
const PAUSE_MIN = 256
const PAUSE_MAX = 65_536

const json = codecOf('json')

class LearningJson implements Codec {
  readonly name = 'json'
  readonly #shapes = new ValueShapes()
  #vain = 0
  /** So many values are left to `JSON.parse`. */
  #pause = 0
  #nextPause = PAUSE_MIN

  encode(value: unknown): string | Uint8Array | null {
    return json.encode(value)
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    if (this.#pause > 0) {
      this.#pause--
      return json.decode(buffer, start, end)
    }
    const read = shapedReader.read(this.#shapes.root, buffer, start, end)
    if (read === UNKNOWN) {
      const value = json.decode(buffer, start, end)
      this.#shapes.learn(value)
      this.#inVain()
      return value
    }
    if (!shapedReader.hasPaid) this.#inVain()
    else if (this.#vain > 0) this.#vain--
    return read
  }

  #inVain(): void {
    this.#vain += VAIN
    if (this.#vain < TOO_MANY) return
    this.#vain = 0
    this.#pause = this.#nextPause
    this.#nextPause = Math.min(this.#nextPause * 2, PAUSE_MAX)
  }
}

/** The codec of this name, for a reader of many values. Any thread. */
export function readerCodecOf(name: CodecName): Codec {
  return name === 'json' ? new LearningJson() : codecOf(name)
}
