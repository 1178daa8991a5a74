/**
 * What a batch that has to wait was given, as it was at its call: its caller may reuse objects and buffers meanwhile.
 *
 * The producer's thread. Values are encoded here once, and not again when they are written; bytes are copied. A message that
 * cannot be taken is met at its turn, when those before it are published. Memory: about what the messages take when encoded,
 * which the waiting room bounds.
 */
import type { Codec } from '../codec.ts'
import { copyHeaders, headersSize, ownedHeaders } from '../log/headers.ts'
import type { Key, Message } from '../types.ts'
import { asMessage, checkedKey } from './checked-message.ts'

/** About what an entry takes beside its bytes. */
const ENTRY_BYTES = 64

export class TakenBatch {
  readonly #from: number
  readonly #messages: Message[] = []
  #fault: unknown = null
  /** About how much memory it takes. */
  bytes = 0

  /** Takes the messages from index `from` on. */
  constructor(codec: Codec, messages: readonly Message[], from: number) {
    this.#from = from
    try {
      for (let index = from; index < messages.length; index++)
        this.#messages.push(this.#taken(codec, messages[index] as Message))
    } catch (fault) {
      this.#fault = fault
    }
  }

  #taken(codec: Codec, message: Message): Message {
    const { key: givenKey, value: given, headers, partition, timestamp } = asMessage(message)
    const value = owned(codec.encode(given))
    const key = owned(checkedKey(givenKey))
    this.bytes += ENTRY_BYTES + (value?.length ?? 0) + (key?.length ?? 0)
    const taken = { key, value, partition, timestamp }
    if (headers === undefined) return taken
    const copied = copyHeaders(headers)
    this.bytes += headersSize(copied)
    return { ...taken, headers: ownedHeaders(copied) }
  }

  /** The message at `index` of the batch, its value encoded. Throws what was wrong with it. */
  at(index: number): Message {
    const message = this.#messages[index - this.#from]
    if (message === undefined) throw this.#fault
    return message
  }
}

function owned<T extends Key | null>(part: T): T {
  return part instanceof Uint8Array ? (new Uint8Array(part) as T) : part
}
