/** Loans of memory, through all orders in which a host may hear of offers and tell of moves; against what an arena says. */
import { Arena, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { PartitionPlace, WindowOffer } from '../wire/places.ts'
import { WindowLedger } from './window-ledger.ts'

const REST = 8_192
const WANTED = 1 << 20

function place(partition: number): PartitionPlace {
  return { topic: 1, partition, host: 0, window: { address: 0, capacity: REST }, words: 0, log: null }
}

function ledgerOf(bytes: number): { readonly ledger: WindowLedger; readonly arena: Arena } {
  const memory = Memory.allocate(bytes)
  const arena = new Arena(memory, 128)
  return { ledger: new WindowLedger(arena, memory.buffer.byteLength), arena }
}

t.test('a partition has one offer at a time, and one loan', t => {
  const { ledger, arena } = ledgerOf(16 << 20)
  const offer = ledger.offer(place(0), WANTED) as WindowOffer
  t.equal(offer.capacity, WANTED)
  t.equal(ledger.offer(place(0), WANTED), null, 'it has not answered')
  ledger.moved(1, 0, offer.address, offer.number)
  t.equal(ledger.offer(place(0), WANTED), null, 'it has what it asks for')
  t.equal(arena.usedBytes, WANTED)
  t.equal(ledger.lentBytes, WANTED)
  ledger.moved(1, 0, 0, offer.number)
  t.equal(arena.usedBytes, 0)
  t.equal(ledger.lentBytes, 0)
  t.end()
})

t.test('what crosses an offer on its way does not free it', t => {
  const { ledger, arena } = ledgerOf(16 << 20)
  const offer = ledger.offer(place(0), WANTED) as WindowOffer
  ledger.moved(1, 0, 0, offer.number - 1)
  t.equal(arena.usedBytes, WANTED, 'the host has not heard of it, and will take it up')
  ledger.moved(1, 0, offer.address, offer.number)
  ledger.moved(1, 0, offer.address, offer.number)
  t.equal(arena.usedBytes, WANTED)
  t.end()
})

t.test('an offer that is not taken up is free, and so is the loan before when one is', t => {
  const { ledger, arena } = ledgerOf(16 << 20)
  const first = ledger.offer(place(0), WANTED / 2) as WindowOffer
  ledger.moved(1, 0, first.address, first.number)
  const second = ledger.offer(place(0), WANTED) as WindowOffer
  t.equal(arena.usedBytes, WANTED * 1.5)
  ledger.moved(1, 0, second.address, second.number)
  t.equal(arena.usedBytes, WANTED)
  const third = ledger.offer(place(1), WANTED) as WindowOffer
  ledger.moved(1, 1, 0, third.number)
  t.equal(arena.usedBytes, WANTED, 'its host was called back before it heard of it')
  t.end()
})

t.test('loans become smaller as memory does, and leave an eighth', t => {
  const { ledger, arena } = ledgerOf(16 << 20)
  const lent: number[] = []
  for (let partition = 0; ; partition++) {
    const offer = ledger.offer(place(partition), WANTED)
    if (offer === null) break
    lent.push(offer.capacity)
  }
  t.equal(lent[0], WANTED)
  t.strictSame(
    lent,
    [...lent].sort((a, b) => b - a),
  )
  t.equal(lent.at(-1), 2 * REST)
  t.ok(arena.freeBytes >= (16 << 20) / 8)
  t.ok(lent.length > 30, `${lent.length} have some`)
  t.end()
})

t.test('of a topic that is gone nothing is free before its hosts have let go, and what they say is too late', t => {
  const { ledger, arena } = ledgerOf(16 << 20)
  const [lent, offered] = [0, 1].map(partition => ledger.offer(place(partition), WANTED) as WindowOffer)
  ledger.moved(1, 0, (lent as WindowOffer).address, (lent as WindowOffer).number)
  t.strictSame(ledger.takeOut(2), [])
  t.strictSame(ledger.takeOut(1), [lent?.address, offered?.address])
  ledger.moved(1, 0, 0, 2)
  t.equal(arena.usedBytes, 2 * WANTED)
  t.equal(ledger.lentBytes, 0)
  t.end()
})

t.test('a new thread of a host is told of offers that are open, and of the last number', t => {
  const { ledger } = ledgerOf(16 << 20)
  const [lent, offered] = [0, 1].map(partition => ledger.offer(place(partition), WANTED) as WindowOffer)
  ledger.moved(1, 0, (lent as WindowOffer).address, (lent as WindowOffer).number)
  t.strictSame(ledger.holdingsOf(0), [
    { topic: 1, partition: 0, number: 1, offer: null },
    { topic: 1, partition: 1, number: 2, offer: offered },
  ])
  t.strictSame(ledger.holdingsOf(1), [])
  t.end()
})
