/** Claims on one thread, step by step. */
import t from 'tap'
import { ClaimReceiver } from './claim-receiver.ts'
import { ClaimSender, NO_ENTRY } from './claim-sender.ts'
import { CLAIM_ATTEMPT_MAX, CLAIM_NEXT, claimsBytes, standingOf } from './claim-words.ts'
import { Memory } from './memory.ts'

const ENTRIES = 16

function claimsFrom(tag = 1, entries = ENTRIES): { memory: Memory; sender: ClaimSender; receiver: ClaimReceiver } {
  const memory = Memory.allocate(claimsBytes(entries))
  memory.i32[CLAIM_NEXT >> 2] = tag
  return { memory, sender: new ClaimSender(memory, 0, entries), receiver: new ClaimReceiver(memory, 0, entries) }
}

/** Ends that the sender finds, in order; they are freed. */
function collected(sender: ClaimSender): string[] {
  const ends: string[] = []
  sender.ended({
    acked: (first, count) => {
      for (let tag = first; tag < first + count; tag++) ends.push(`${sender.numberOf(tag)} acked`)
      sender.freeRun(first, count)
    },
    ended: (tag, number, standing) => {
      ends.push(`${number} ${standing}`)
      sender.free(tag)
    },
  })
  return ends
}

t.test('finds what was ended, in the order of its ends, once it is told', async t => {
  const { sender, receiver } = claimsFrom()
  const tags = [10, 11, 12, 13].map(number => sender.handOut(number, 1, 0))
  for (const tag of tags) t.ok(receiver.begin(tag))
  const [a, b, c, d] = tags as [number, number, number, number]
  t.ok(receiver.ack(c) && receiver.ack(d) && receiver.release(a) && receiver.report(b))
  t.equal(sender.standing(b), 'reported', 'in the words it is at once')
  t.ok(receiver.publish())
  t.notOk(receiver.publish())
  t.ok(sender.hasEnded())
  t.strictSame(collected(sender), ['12 acked', '13 acked', '10 released', '11 reported'])
  t.notOk(sender.hasEnded())
  t.equal(sender.used, 0)
})

t.test('hands out a run under tags one behind the other, as far as entries are free', async t => {
  const { sender, receiver } = claimsFrom(14)
  const kept = [14, 15, 16, 17, 18, 19].map(number => sender.handOut(number, 1, 0))
  t.equal(sender.freeTags(64), 10, 'no more than there are entries')
  for (const tag of [14, 15, 17]) sender.free(tag)
  t.equal(sender.freeTags(3), 3)
  const first = sender.handOutRun([7, 2 ** 40 + 1, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18], 0, 12, 8)
  t.strictSame([first, sender.used, sender.numberOf(21)], [20, 15, 2 ** 40 + 1])
  t.match(
    sender.all().find(({ tag }) => tag === 21),
    { tag: 21, number: 2 ** 40 + 1, attempt: 1, standing: 'waiting', sentEnd: 8 },
  )
  t.equal(sender.freeTags(64), 1, 'behind it one is in use')
  for (let tag = 20; tag < 32; tag++) {
    receiver.begin(tag)
    if (tag !== 24) receiver.ack(tag)
  }
  receiver.begin(16)
  receiver.ack(16)
  receiver.publish()
  const runs: string[] = []
  sender.ended({
    acked: (from, count) => {
      runs.push(`${from}: ${count}`)
      sender.freeRun(from, count)
    },
    ended: () => t.fail('all of them were acked'),
  })
  t.strictSame(runs, ['20: 4', '25: 7', '16: 1'])
  t.equal(sender.standing(24), 'begun')
  t.equal(sender.used, kept.length - 3 + 12 - 12)
})

t.test('a run ends where tags begin again', async t => {
  const { sender } = claimsFrom(0x1ffffffe)
  t.equal(sender.freeTags(9), 2)
  t.equal(sender.handOutRun([1, 2], 0, 2, 0), 0x1ffffffe)
  t.equal(sender.nextTag(), 1)
})

t.test('acks are one run only where both tags and entries follow each other', async t => {
  const { sender, receiver } = claimsFrom(4)
  for (let tag = 4; tag < 20; tag++) sender.handOut(tag, 1, 0)
  sender.free(4)
  sender.handOut(20, 1, 0)
  for (const tag of [20, 5, 14, 15, 16, 17]) {
    t.ok(receiver.begin(tag))
    t.ok(receiver.ack(tag))
  }
  receiver.publish()
  const runs: string[] = []
  sender.ended({ acked: (from, count) => runs.push(`${from}: ${count}`), ended: () => t.fail('all were acked') })
  t.strictSame(runs, ['20: 1', '5: 1', '14: 2', '16: 2'])
})

t.test('ends once: a second end, one of what was not begun, and one of an older tag change nothing', async t => {
  const { sender, receiver } = claimsFrom(1, 1)
  const first = sender.handOut(1, 1, 0)
  t.notOk(receiver.ack(first))
  t.ok(receiver.begin(first))
  t.ok(receiver.isBegun(first))
  sender.free(first)
  const second = sender.handOut(2, 1, 0)
  t.ok(receiver.ack(first), 'the receiver does not know that it was taken back')
  receiver.publish()
  t.strictSame(collected(sender), [])
  t.equal(sender.standing(second), 'waiting')
  t.ok(receiver.begin(second))
  t.notOk(receiver.ack(first))
  t.notOk(receiver.release(first))
  t.equal(sender.standing(second), 'begun')
  t.ok(receiver.ack(second))
  t.notOk(receiver.ack(second))
  t.notOk(receiver.report(second))
})

t.test('recalls what waits, and not what has begun; the entry is used until the receiver has come past it', async t => {
  const { sender, receiver } = claimsFrom()
  const [begun, waits, yields] = [1, 2, 3].map(number => sender.handOut(number, 1, 0)) as [number, number, number]
  receiver.begin(begun)
  t.equal(sender.recall(begun), 'begun')
  t.equal(sender.recall(waits), 'recalled')
  receiver.yield(yields)
  t.equal(sender.recall(yields), 'yielded')
  t.equal(sender.used, 3)
  t.notOk(receiver.begin(waits))
  t.ok(receiver.ack(begun))
  receiver.publish()
  t.strictSame(collected(sender).sort(), ['1 acked', '2 yielded', '3 yielded'])
})

t.test('a tag that comes again after all others is not taken for what it was', async t => {
  const { memory, sender, receiver } = claimsFrom(5)
  const old = sender.handOut(1, 1, 0)
  t.equal(sender.recall(old), 'recalled')
  t.notOk(receiver.begin(old))
  receiver.publish()
  collected(sender)
  memory.i32[CLAIM_NEXT >> 2] = 5
  const next = new ClaimSender(memory, 0, ENTRIES)
  const again = next.handOut(2, 1, 0)
  t.equal(again, old)
  t.ok(receiver.begin(again), 'it was recalled then, and is not now')
})

t.test('passes over entries in use, begins with tags again, and says when all are in use', async t => {
  const { sender, receiver } = claimsFrom(0x1ffffffd)
  const tags = Array.from({ length: ENTRIES }, (_, number) => sender.handOut(number, 1, 0))
  t.strictSame(tags.slice(0, 5), [0x1ffffffd, 0x1ffffffe, 0x1fffffff, 1, 2])
  t.ok(sender.isFull)
  t.equal(sender.handOut(99, 1, 0), NO_ENTRY)
  t.equal(sender.nextTag(), NO_ENTRY)
  const middle = tags[4] as number
  receiver.begin(middle)
  receiver.ack(middle)
  receiver.publish()
  t.strictSame(collected(sender), ['4 acked'])
  const tag = sender.handOut(100, 1, 0)
  t.equal(tag % ENTRIES, middle % ENTRIES, 'the only free entry')
  t.notOk(tags.includes(tag))
})

t.test('finds ends also when it was told of more than it can be behind', async t => {
  const { sender, receiver } = claimsFrom()
  const tags = Array.from({ length: ENTRIES }, (_, number) => sender.handOut(number, 1, 0))
  for (const tag of tags) receiver.begin(tag)
  for (const tag of tags.toReversed()) {
    receiver.ack(tag)
    receiver.publish()
  }
  t.equal(collected(sender).length, ENTRIES)
})

t.test('a successor knows what is on the table, and what was never sent', async t => {
  const { memory, sender, receiver } = claimsFrom()
  const large = 2 ** 53 - 1
  sender.open(7)
  const [a, b] = [sender.handOut(large, 3, 64), sender.handOut(2 ** 32, 5_000, -(2 ** 31))] as const
  receiver.begin(a)
  const next = new ClaimSender(memory, 0, ENTRIES)
  t.equal(next.epoch, 7)
  t.equal(next.used, 2)
  t.ok(next.hasEnded(), 'it looks everywhere first')
  t.strictSame(next.all(), [
    { tag: a, number: large, attempt: 3, standing: 'begun', sentEnd: 64 },
    { tag: b, number: 2 ** 32, attempt: CLAIM_ATTEMPT_MAX, standing: 'waiting', sentEnd: -(2 ** 31) },
  ])
  const unsent = (tail: number): number[] => next.unsent(tail, 64).map(({ tag }) => tag)
  t.strictSame(unsent(0x7fffffe0), [b], 'behind the tail, where positions wrap')
  t.strictSame(unsent(-(2 ** 31)), [])
  t.strictSame(unsent(0), [], 'what has begun was sent')
  t.throws(() => next.open(8), /something is handed out/)
})

t.test('states of other tags say nothing, and unknown ones are no end', async t => {
  t.equal(standingOf(5, (4 << 3) | 4, 0), 'waiting')
  t.equal(standingOf(5, (5 << 3) | 7, 0), 'waiting')
  for (const entries of [0, 3, -4, 1.5, 65_536]) t.throws(() => claimsBytes(entries), RangeError)
})
