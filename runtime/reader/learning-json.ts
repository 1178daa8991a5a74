/**
 * The `json` codec of one reader of many values: it learns what they look like, and reads those that look alike faster.
 *
 * Any thread; each reader has its own. What it encodes, returns and throws is what the codec of words/codec.ts does. Where too
 * many values do not look like those before, `JSON.parse` reads all for a while (attempts.ts).
 */
import { Attempts } from '../base/attempts.ts'
import { type Codec, codecOf } from '../words/codec.ts'
import type { CodecName } from '../words/message.ts'
import { shapedReader, UNKNOWN } from './shaped-json.ts'
import { ValueShapes } from './value-shapes.ts'

const json = codecOf('json')

class LearningJson implements Codec {
  readonly name = 'json'
  readonly #shapes = new ValueShapes()
  readonly #attempts = new Attempts()

  encode(value: unknown): string | Uint8Array | null {
    return json.encode(value)
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    if (this.#attempts.pauses()) return json.decode(buffer, start, end)
    const read = shapedReader.read(this.#shapes.root, buffer, start, end)
    if (read === UNKNOWN) {
      const value = json.decode(buffer, start, end)
      this.#shapes.learn(value)
      this.#attempts.inVain()
      return value
    }
    if (shapedReader.hasPaid) this.#attempts.good()
    else this.#attempts.inVain()
    return read
  }
}

/** The codec of this name, for a reader of many values. Any thread. */
export function readerCodecOf(name: CodecName): Codec {
  return name === 'json' ? new LearningJson() : codecOf(name)
}
