/** Times in the fields of a record: the process's from the first look on, and what fell due in one store. */

import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { type QueueFields, writeQueueFields } from '../log/format/queue-fields.ts'
import { byFall, type FellDue, fellDueField, fellDueIn, takeTimes, timeIn } from './window-times.ts'

const FIELDS: QueueFields = {
  priority: 3,
  keyHash: 7,
  notBefore: null,
  expiresAt: null,
  reply: null,
  deadline: null,
  transaction: null,
  id: null,
}
const AT = { nowMs: 5_000, wallMs: 1_700_000_000_000 }
const CENTURY_MS = 100 * 365.25 * 86_400_000

t.test('times become those of the process, once', async t => {
  const memory = Memory.allocate(1_024)
  for (const [delayMs, ttlMs] of [
    [10, 20],
    [null, 5],
    [2 ** 32 + 1, null],
    [CENTURY_MS, CENTURY_MS],
    [-50, -20],
  ] as const) {
    const of = (ms: number | null): number | null => (ms === null ? null : AT.wallMs + ms)
    writeQueueFields(memory.bytes, 64, { ...FIELDS, notBefore: of(delayMs), expiresAt: of(ttlMs) })
    takeTimes(memory, 64, AT.wallMs, AT)
    // A predecessor may have looked at it.
    takeTimes(memory, 64, AT.wallMs, { nowMs: 9_000, wallMs: 1_000 })
    const parts = [delayMs, ttlMs].filter(ms => ms !== null)
    const found = parts.map((_, part) => timeIn(memory.f64[(64 + 8 + 8 * part) >> 3] as number))
    t.strictSame(
      found,
      parts.map(ms => AT.nowMs + Math.max(0, ms)),
    )
    t.equal(memory.bytes[64], 3, 'and all else stays')
  }
})

t.test('a clock that went back on the way makes no time longer', async t => {
  const memory = Memory.allocate(1_024)
  writeQueueFields(memory.bytes, 64, { ...FIELDS, notBefore: AT.wallMs + 50, expiresAt: AT.wallMs + 80 })
  takeTimes(memory, 64, AT.wallMs, { nowMs: AT.nowMs, wallMs: AT.wallMs - 3_600_000 })
  t.strictSame([timeIn(memory.f64[9] as number), timeIn(memory.f64[10] as number)], [AT.nowMs + 50, AT.nowMs + 80])
})

t.test('what fell due says its place and its number, and what has not is told apart', async t => {
  for (const place of [1, 2 ** 31 + 5, 2 ** 32, 2 ** 40 + 3])
    for (const number of [0, 1, 2 ** 28 - 1])
      for (const behind of [0, 1, 1_000_000])
        t.strictSame(fellDueIn(fellDueField({ number, place }), place + behind), { number, place })
  for (const field of [-1, -5_000.5, -(CENTURY_MS + 1), 1, 1_700_000_000_000]) t.equal(fellDueIn(field, 100), null)
})

t.test('numbers wrap, and the order does not', async t => {
  const fallen: FellDue[] = [
    { place: 5, number: 2 ** 28 - 2 },
    { place: 5, number: 2 ** 28 - 1 },
    { place: 5, number: 0 },
    { place: 5, number: 1 },
    { place: 6, number: 2 },
  ]
  t.strictSame([...fallen].reverse().sort(byFall), fallen)
})
