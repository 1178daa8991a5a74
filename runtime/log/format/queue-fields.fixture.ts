/** Queue fields as a drawing has them: any that may be, and their bytes by a naive writer. */
import fc from 'fast-check'
import { ID_BYTES_MAX, PRIORITIES_MAX, type QueueFields } from './queue-fields.ts'

export const PLAIN_FIELDS: QueueFields = {
  priority: 0,
  keyHash: 0,
  notBefore: null,
  expiresAt: null,
  reply: null,
  deadline: null,
  transaction: null,
  id: null,
}

export function anyQueueFields(): fc.Arbitrary<QueueFields> {
  const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null })
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
  const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  const time = fc.integer({ min: -(2 ** 43), max: 2 ** 43 })
  const text = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.uint8Array({ minLength: ID_BYTES_MAX - 8, maxLength: ID_BYTES_MAX }),
  )
  return fc.record({
    priority: fc.integer({ min: 0, max: PRIORITIES_MAX - 1 }),
    keyHash: u32,
    notBefore: orNull(time),
    expiresAt: orNull(time),
    reply: orNull(fc.record({ client: u32, request: whole })),
    deadline: orNull(time),
    transaction: orNull(fc.record({ producer: whole, epoch: u32, index: u32, transaction: whole })),
    id: orNull(fc.record({ hash: fc.uint8Array({ minLength: 16, maxLength: 16 }), text })),
  })
}

/** One value after the other, as the drawing lists them. */
export function fieldsAsDrawn(fields: QueueFields): Buffer {
  const { notBefore, expiresAt, reply, deadline, transaction, id } = fields
  const f64 = (value: number): Uint8Array => new Uint8Array(Float64Array.of(value).buffer)
  const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
  const u16 = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(value).buffer)
  const there = [notBefore, expiresAt, reply, deadline, transaction].map(part => part !== null)
  const parts = there.reduce((bits, isThere, bit) => (isThere ? bits + 2 ** bit : bits), 0)
  const list = [Uint8Array.of(fields.priority, parts), u16(id?.text.length ?? 0), u32(fields.keyHash)]
  if (notBefore !== null) list.push(f64(notBefore))
  if (expiresAt !== null) list.push(f64(expiresAt))
  if (reply !== null) list.push(u32(reply.client), u32(0), f64(reply.request))
  if (deadline !== null) list.push(f64(deadline))
  if (transaction !== null)
    list.push(f64(transaction.producer), u32(transaction.epoch), u32(transaction.index), f64(transaction.transaction))
  if (id !== null) {
    list.push(id.hash, id.text)
    while (list.reduce((sum, each) => sum + each.length, 0) % 8 !== 0) list.push(Uint8Array.of(0))
  }
  return Buffer.concat(list)
}
