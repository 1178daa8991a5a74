/**
 * A value that is JSON already: who has read it as text need not write it as text again.
 *
 * Leaf module, any thread. Not in the door: who makes one has parsed it, and knows that it is JSON in UTF-8. The bytes are copied
 * when the message is published.
 */

/** JSON that is published as it stands. */
export class JsonBytes {
  readonly #bytes: Uint8Array

  /** They are JSON in UTF-8. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The bytes of such a value; null: it is another one, of any kind. A proxy does not notice that it was asked. */
  static of(value: object): Uint8Array | null {
    return #bytes in value ? value.#bytes : null
  }
}
