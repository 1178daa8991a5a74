import fc from 'fast-check'
import { Arena, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { LEDGER_BYTES, LEDGER_RECORDS } from './layout.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'

const memory = Memory.allocate(1 << 20)
const arena = new Arena(memory, 128)
const fresh = (): Ledger => {
  const address = arena.allocate(LEDGER_BYTES)
  memory.u8.fill(0, address, address + LEDGER_BYTES)
  return new Ledger(memory, address)
}

t.test('it keeps what was last said of each of the records from the committed one on', async () => {
  const act = fc.record({
    ahead: fc.nat(LEDGER_RECORDS - 1),
    deliveryAttempt: fc.integer({ min: 1, max: 255 }),
    do: fc.constantFrom('handOut' as const, 'back' as const, 'settle' as const),
  })
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.array(act, { maxLength: 50 }), (base, acts) => {
      const ledger = fresh()
      const model = new Map<number, LedgerEntry>()
      for (const { ahead, deliveryAttempt, do: what } of acts) {
        ledger[what](base + ahead, deliveryAttempt)
        model.set(base + ahead, { deliveryAttempt, settled: what === 'settle', out: what === 'handOut' })
      }
      const next = fresh()
      next.takeOver(ledger, base)
      for (let offset = base; offset < base + LEDGER_RECORDS; offset++) {
        for (const each of [ledger, next])
          if (JSON.stringify(each.of(offset)) !== JSON.stringify(model.get(offset) ?? null))
            throw new Error(`offset ${offset} is ${JSON.stringify(each.of(offset))}`)
      }
    }),
    { numRuns: 30 },
  )
})

t.test('a word left by an older record says nothing of a later one', async t => {
  const ledger = fresh()
  ledger.settle(7, 3)
  t.equal(ledger.of(7 + LEDGER_RECORDS), null)
  t.equal(ledger.of(8), null)
  const next = fresh()
  next.settle(9, 1)
  next.takeOver(ledger, 8)
  t.equal(next.of(9), null, 'what is taken over is all that is known')
  t.equal(next.of(7), null)
})

t.test('hand-outs are counted up to 255', async t => {
  const ledger = fresh()
  ledger.back(1, 255)
  t.match(ledger.of(1), { deliveryAttempt: 255, settled: false, out: false })
  ledger.handOut(1, 1_000)
  t.match(ledger.of(1), { deliveryAttempt: 255, settled: false, out: true })
})
