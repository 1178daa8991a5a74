/** Numbers into a target that keeps what it has taken, while producers and processes end. */
import t from 'tap'
import type { ProducerState } from '../wire/producer-places.ts'
import { FullError, MillraceError, UnpublishedError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import { NumberedProducer, type OpenedNumbers } from './numbered-producer.ts'

/** A target of two partitions, and what is kept of its producer. */
class Target {
  readonly taken: string[] = []
  readonly passed = [0, 0]
  state: ProducerState = { id: 7, next: 0, seen: [0, 0] }
  opened = 0
  closed = 0
  /** What the next sends are answered with. */
  readonly faults: Error[] = []
  /** Whether a faulty send is taken nevertheless. */
  takesFaulty = false
  /** Whether what is kept is lost. */
  losesState = false

  readonly open = async (): Promise<OpenedNumbers> => {
    this.opened++
    return {
      places: { state: this.state, passed: [...this.passed] },
      producer: {
        topic: {} as never,
        publishSequenced: async (messages, sequences) => {
          const { value, partition = 0 } = messages[0] as Message
          const fault = this.faults.shift()
          if (fault === undefined || this.takesFaulty) {
            this.taken.push(`${value}`)
            this.passed[partition] = (sequences?.[0] as number) + 1
          }
          if (fault !== undefined) throw fault
          const range = { partition, baseOffset: this.taken.length - 1, count: 1 }
          return { count: 1, ranges: [range], durability: 'os' }
        },
      },
      keep: async state => {
        if (!this.losesState) this.state = state
      },
      close: async () => {
        this.closed++
      },
    }
  }
}

const never = new AbortController().signal

function send(producer: NumberedProducer, number: number, partition = 0): Promise<unknown> {
  return producer.send(number, partition, () => ({ value: `m${number}`, partition }), never)
}

t.test('numbers go one after the other, lower ones first, also if they are put in line later', async t => {
  const target = new Target()
  const producer = new NumberedProducer(0, target.open)
  t.equal(await producer.take(3), 0)
  t.equal(await producer.take(1), 3)
  await Promise.all([2, 0, 3, 1].map(number => send(producer, number)))
  t.strictSame(target.taken, ['m0', 'm1', 'm2', 'm3'])
  t.match(target.state, { id: 7, next: 4, seen: [3, 0] })
  t.equal(target.opened, 1)
})

t.test('a number that the target has is not sent again, whichever of both says so', async t => {
  for (const losesState of [false, true]) {
    const target = new Target()
    target.losesState = losesState
    const first = new NumberedProducer(0, target.open)
    await first.take(4)
    await send(first, 0, 0)
    await send(first, 1, 1)
    await send(first, 2, 0)
    const next = new NumberedProducer(4, target.open)
    t.strictSame(await send(next, 2, 0), { how: 'sent', offset: null })
    t.strictSame(await send(next, 3, 0), { how: 'sent', offset: 3 })
    t.equal(await next.take(1), 4)
    t.strictSame(target.taken, ['m0', 'm1', 'm2', 'm3'])
  }
})

t.test('numbers are above all that are known', async t => {
  const target = new Target()
  target.passed[1] = 9
  t.equal(await new NumberedProducer(5, target.open).take(1), 9)
  t.equal(await new NumberedProducer(12, target.open).take(1), 12)
  target.state = { id: 7, next: 20, seen: [0, 0] }
  t.equal(await new NumberedProducer(5, target.open).take(1), 20)
})

t.test('a refusal is answered, and the next number goes by a producer that is opened again', async t => {
  const target = new Target()
  const producer = new NumberedProducer(0, target.open)
  await producer.take(2)
  const full = new FullError('full', null)
  target.faults.push(new UnpublishedError('none', [], [], full))
  t.strictSame(await send(producer, 0), { how: 'refused', error: full })
  t.match(await send(producer, 1), { how: 'sent' })
  t.strictSame([target.opened, target.closed, target.taken], [2, 1, ['m1']])
})

t.test('what is not known to be there is left to the next process, which finds it', async t => {
  for (const takesFaulty of [false, true]) {
    const target = new Target()
    target.takesFaulty = takesFaulty
    const producer = new NumberedProducer(0, target.open)
    await producer.take(1)
    const closed = new MillraceError('MILL_CLOSED', 'closed')
    target.faults.push(takesFaulty ? new UnpublishedError('none', [], [], closed) : closed)
    await t.rejects(send(producer, 0), closed)
    const next = new NumberedProducer(1, target.open)
    await send(next, 0)
    t.strictSame(target.taken, ['m0'])
  }
})

t.test('what is aborted while it waits opens nothing', async t => {
  const target = new Target()
  const producer = new NumberedProducer(0, target.open)
  await producer.take(3)
  const abort = new AbortController()
  const closed = new MillraceError('MILL_CLOSED', 'closed')
  target.faults.push(closed)
  const sends = [0, 1, 2].map(number => producer.send(number, 0, () => ({ value: number }), abort.signal))
  const settled = Promise.allSettled(sends)
  await t.rejects(sends[0] as Promise<unknown>, closed)
  abort.abort()
  const codes = (await settled).map(each => each.status === 'rejected' && each.reason.code)
  t.strictSame([codes.at(-1), target.taken.includes('2')], ['MILL_ABORTED', false])
  t.ok(target.opened <= 2, `${target.opened} openings`)
})

t.test('a producer that cannot be opened is opened for the next one', async t => {
  const target = new Target()
  let fails = true
  const producer = new NumberedProducer(0, async () => {
    if (fails) throw new MillraceError('MILL_MEMORY', 'none left')
    return target.open()
  })
  await t.rejects(producer.take(1), { code: 'MILL_MEMORY' })
  fails = false
  t.equal(await producer.take(1), 0)
  await producer.close()
  await producer.close()
  t.equal(target.closed, 1)
})
