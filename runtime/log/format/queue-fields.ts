/**
 * What a queue keeps of a message beside key, headers and value: fields of its record, between record header and key.
 *
 * ```
 *  0 u8  priority        0 to 31; a higher one goes first
 *  1 u8  parts           those that follow, in the order of their bits
 *  2 u16 idBytes         of the id's text; 0: the message has no id of its own
 *  4 u32 keyHash         of the key; 0 without one
 *  8 parts, each a multiple of 8 bytes
 *      1 notBefore       f64 ms since the epoch: it is not due before
 *      2 expiresAt       f64 ms since the epoch: it is not handed out from then on
 *      4 reply           u32 client, u32 0, f64 request: who waits for an answer, and to which of its requests
 *      8 deadline        f64 ms on the clock of the process that sent it (`nowMs`): the answer comes too late from then on
 *     16 transaction     f64 producer, u32 epoch, u32 index, f64 transaction: the message is its index-th
 *    16 bytes, the id's hash, only with an id; text of the id in UTF-8, padded with zeroes to a multiple of 8
 * ```
 *
 * The id's hash has a fixed place for whoever looks at many; the text is for whoever is told. A request has `reply`, `deadline`
 * and `expiresAt`. Another process knows none of its callers, and so `deadline` is on the clock of theirs. `transaction` is laid
 * out for later, and nobody sends it yet. A reader cannot pass over a part that it does not know: then the frame has a
 * higher version.
 *
 * Leaf, any thread. Begins at a multiple of 8, and so does what follows. Bound: QUEUE_FIELDS_BYTES_MAX.
 */

export const PRIORITIES_MAX = 32
export const ID_BYTES_MAX = 1_000
export const ID_HASH_BYTES = 16
const FIXED_BYTES = 8
/** What fields take that have a priority and nothing else. */
export const PRIORITY_BYTES = 8

const NOT_BEFORE = 1
const EXPIRES_AT = 2
const REPLY = 4
const DEADLINE = 8
const TRANSACTION = 16
const KNOWN_PARTS = 31

/** Where the number of the request is in `reply`, and bytes of `reply`. */
export const REPLY_REQUEST = 8
export const REPLY_BYTES = 16

/** Bytes of the parts, by their bits. */
const PART_BYTES: Uint8Array = Uint8Array.from({ length: KNOWN_PARTS + 1 }, (_, parts) => {
  const one = (bit: number, bytes: number): number => ((parts & bit) === 0 ? 0 : bytes)
  return one(NOT_BEFORE, 8) + one(EXPIRES_AT, 8) + one(REPLY, REPLY_BYTES) + one(DEADLINE, 8) + one(TRANSACTION, 24)
})

export const QUEUE_FIELDS_BYTES_MAX: number =
  FIXED_BYTES + (PART_BYTES[KNOWN_PARTS] as number) + ID_HASH_BYTES + ID_BYTES_MAX

export interface QueueFields {
  readonly priority: number
  /** Unsigned. */
  readonly keyHash: number
  readonly notBefore: number | null
  readonly expiresAt: number | null
  readonly reply: { readonly client: number; readonly request: number } | null
  readonly deadline: number | null
  readonly transaction: {
    readonly producer: number
    readonly epoch: number
    readonly index: number
    readonly transaction: number
  } | null
  readonly id: {
    /** ID_HASH_BYTES bytes. */
    readonly hash: Uint8Array
    /** In UTF-8, 1 to ID_BYTES_MAX bytes. */
    readonly text: Uint8Array
  } | null
}

function partsOf({ notBefore, expiresAt, reply, deadline, transaction }: QueueFields): number {
  return (
    (notBefore === null ? 0 : NOT_BEFORE) |
    (expiresAt === null ? 0 : EXPIRES_AT) |
    (reply === null ? 0 : REPLY) |
    (deadline === null ? 0 : DEADLINE) |
    (transaction === null ? 0 : TRANSACTION)
  )
}

function sizeOf(parts: number, idBytes: number): number {
  const fixed = FIXED_BYTES + (PART_BYTES[parts & KNOWN_PARTS] as number)
  return idBytes === 0 ? fixed : fixed + ID_HASH_BYTES + ((idBytes + 7) & ~7)
}

/** Bytes that fields take, by their first four bytes. */
export function queueFieldsSize(bytes: Buffer, at: number): number {
  return sizeOf(bytes[at + 1] as number, bytes.readUInt16LE(at + 2))
}

/** Index among these words of the id's hash, of fields that begin at this byte; -1: they have no id. */
export function idHashAt(words: Int32Array, from: number): number {
  const first = words[from >> 2] as number
  if (first >>> 16 === 0) return -1
  return (from + FIXED_BYTES + (PART_BYTES[(first >>> 8) & KNOWN_PARTS] as number)) >> 2
}

/** The id in fields that begin at an index of these bytes; null: they have none. */
export function queueIdText(bytes: Buffer, from: number): string | null {
  const idBytes = bytes.readUInt16LE(from + 2)
  if (idBytes === 0) return null
  const at = from + FIXED_BYTES + (PART_BYTES[(bytes[from + 1] as number) & KNOWN_PARTS] as number) + ID_HASH_BYTES
  return bytes.toString('utf8', at, at + idBytes)
}

/** Where `notBefore` is from the beginning of fields, by their first four bytes; 0: it is not there. */
export function notBeforeAt(word: number): number {
  return (word & (NOT_BEFORE << 8)) === 0 ? 0 : FIXED_BYTES
}

/** The same of `expiresAt`. */
export function expiresAtAt(word: number): number {
  if ((word & (EXPIRES_AT << 8)) === 0) return 0
  return (word & (NOT_BEFORE << 8)) === 0 ? FIXED_BYTES : FIXED_BYTES + 8
}

/** Whether they are those of a request, by their first four bytes. */
export function areOfRequest(word: number): boolean {
  return (word & ((REPLY | DEADLINE) << 8)) === (REPLY | DEADLINE) << 8
}

/** Where `reply` is in the fields of a request, by their first four bytes; `deadline` is REPLY_BYTES behind it. */
export function replyAtOf(word: number): number {
  return FIXED_BYTES + (PART_BYTES[(word >>> 8) & (NOT_BEFORE | EXPIRES_AT)] as number)
}

/** Whether they have `notBefore` or `expiresAt`, by their first four bytes. */
export function areTimed(word: number): boolean {
  return (word & ((NOT_BEFORE | EXPIRES_AT) << 8)) !== 0
}

/** Bytes that these fields will take. */
export function queueFieldsBytes(fields: QueueFields): number {
  return sizeOf(partsOf(fields), fields.id?.text.length ?? 0)
}

/** Writes those that are a priority and nothing else, but for the key's hash; returns the index behind them. */
export function writePriority(words: Int32Array, from: number, priority: number): number {
  words[from >> 2] = priority
  return from + PRIORITY_BYTES
}

/** Writes fields whose room was reserved; returns the index behind them. */
export function writeQueueFields(bytes: Buffer, from: number, fields: QueueFields): number {
  const { notBefore, expiresAt, reply, deadline, transaction, id } = fields
  bytes[from] = fields.priority
  bytes[from + 1] = partsOf(fields)
  bytes.writeUInt16LE(id?.text.length ?? 0, from + 2)
  let at = bytes.writeUInt32LE(fields.keyHash, from + 4)
  if (notBefore !== null) at = bytes.writeDoubleLE(notBefore, at)
  if (expiresAt !== null) at = bytes.writeDoubleLE(expiresAt, at)
  if (reply !== null) {
    at = bytes.writeUInt32LE(0, bytes.writeUInt32LE(reply.client, at))
    at = bytes.writeDoubleLE(reply.request, at)
  }
  if (deadline !== null) at = bytes.writeDoubleLE(deadline, at)
  if (transaction !== null) {
    at = bytes.writeDoubleLE(transaction.producer, at)
    at = bytes.writeUInt32LE(transaction.index, bytes.writeUInt32LE(transaction.epoch, at))
    at = bytes.writeDoubleLE(transaction.transaction, at)
  }
  if (id === null) return at
  bytes.set(id.hash, at)
  bytes.set(id.text, at + ID_HASH_BYTES)
  const end = at + ID_HASH_BYTES + id.text.length
  at = from + queueFieldsBytes(fields)
  bytes.fill(0, end, at)
  return at
}

/** The fields at an index of these bytes, which were found good. Hash and text of the id are views. */
export function readQueueFields(bytes: Buffer, from: number): QueueFields {
  const parts = bytes[from + 1] as number
  const idBytes = bytes.readUInt16LE(from + 2)
  let at = from + FIXED_BYTES
  const take = (bit: number, size: number): number | null => {
    if ((parts & bit) === 0) return null
    at += size
    return at - size
  }
  const time = (place: number | null): number | null => (place === null ? null : bytes.readDoubleLE(place))
  const notBefore = time(take(NOT_BEFORE, 8))
  const expiresAt = time(take(EXPIRES_AT, 8))
  const reply = take(REPLY, 16)
  const deadline = time(take(DEADLINE, 8))
  const transaction = take(TRANSACTION, 24)
  const text = at + ID_HASH_BYTES
  return {
    priority: bytes[from] as number,
    keyHash: bytes.readUInt32LE(from + 4),
    notBefore,
    expiresAt,
    reply: reply === null ? null : { client: bytes.readUInt32LE(reply), request: bytes.readDoubleLE(reply + 8) },
    deadline,
    transaction:
      transaction === null
        ? null
        : {
            producer: bytes.readDoubleLE(transaction),
            epoch: bytes.readUInt32LE(transaction + 8),
            index: bytes.readUInt32LE(transaction + 12),
            transaction: bytes.readDoubleLE(transaction + 16),
          },
    id: idBytes === 0 ? null : { hash: bytes.subarray(at, text), text: bytes.subarray(text, text + idBytes) },
  }
}

/** Fault of the fields that begin at an index of these bytes and may go up to `end`; null: none. */
export function queueFieldsFault(bytes: Buffer, from: number, end: number): string | null {
  if (from + FIXED_BYTES > end) return 'its queue fields are cut short'
  const priority = bytes[from] as number
  const parts = bytes[from + 1] as number
  const idBytes = bytes.readUInt16LE(from + 2)
  if (priority >= PRIORITIES_MAX) return `priority ${priority} is not possible`
  if (parts > KNOWN_PARTS) return `parts ${parts} of its queue fields are not known`
  if (idBytes > ID_BYTES_MAX) return `an id of ${idBytes} bytes is not possible`
  const behind = from + queueFieldsSize(bytes, from)
  if (behind > end) return 'its queue fields are cut short'
  const { notBefore, expiresAt, reply, deadline, transaction } = readQueueFields(bytes, from)
  const wholes = [reply?.request ?? 0, transaction?.producer ?? 0, transaction?.transaction ?? 0]
  if (!wholes.every(isWhole)) return 'a number of its queue fields is no whole number'
  if (![notBefore, expiresAt, deadline].every(time => time === null || Number.isFinite(time)))
    return 'a time of its queue fields is not possible'
  if (reply !== null && bytes.readUInt32LE(replyAt(from, parts) + 4) !== 0) return 'an unused word is not zero'
  const padding = bytes.subarray(behind - (-idBytes & 7), behind)
  return padding.every(byte => byte === 0) ? null : 'the id is not padded with zeroes'
}

function replyAt(from: number, parts: number): number {
  return from + FIXED_BYTES + (PART_BYTES[parts & (NOT_BEFORE | EXPIRES_AT)] as number)
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
