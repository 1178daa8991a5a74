/** The order in which what waits goes on while a rate holds part of it. */
import t, { type Test } from 'tap'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { PendingPublish } from './pending-publish.ts'
import { RateGate } from './rate-gate.ts'
import { type LineUser, WaitingLine } from './waiting-line.ts'
import { WaitingRoom } from './waiting-room.ts'

const TOPIC: ProducedTopic = {
  id: 1,
  name: 'orders',
  codec: 'json',
  partitions: 2,
  maxMessageBytes: 100,
  onFull: 'wait',
  durability: 'memory',
}
const NOTHING = new Set<number>()

/** A line whose rate is used up. */
function lineOf(t: Test) {
  const room = new WaitingRoom()
  const gate = new RateGate({ max: 1, perMs: 3_600_000 }, 'a producer may publish one', () => undefined)
  gate.took(1)
  const line = new WaitingLine(room, 2, gate)
  t.teardown(() => {
    line.fail(new Error('the test is over'))
    room.close()
  })
  const abort = new AbortController()
  const pending = (partition: number, isFree = false): PendingPublish => {
    const encoded = {
      partition,
      key: null,
      value: 'x',
      headers: null,
      timestamp: undefined,
      fields: null,
      extraBytes: 0,
    }
    const options = { signal: abort.signal }
    const publish = new PendingPublish(TOPIC, room, encoded, { value: 'x' }, options, ignore, ignore)
    publish.isFree = isFree
    return publish
  }
  return { line, room, abort, pending }
}

const ignore = (): void => undefined

/** Takes what no rate holds, but for partitions that are `full`; notes the rest. */
function userOf(full: ReadonlySet<number>, went: PendingPublish[]): LineUser {
  return {
    advancePublish: publish => {
      if (full.has(publish.message.partition)) return 'full'
      if (!publish.isFree) return 'held'
      went.push(publish)
      return 'over'
    },
    advanceBatch: () => 'held',
  }
}

t.test('what no rate holds goes before what it holds, and never before its own kind', async t => {
  const { line, pending } = lineOf(t)
  line.take(pending(0), true)
  t.notOk(line.passes(0))
  t.ok(line.passesFree, 'one that comes goes at once')
  const free = [pending(0, true), pending(1, true), pending(0, true)]
  for (const publish of free) line.take(publish)
  t.notOk(line.passesFree, 'one that comes now would go before these')
  const went: PendingPublish[] = []
  line.serve(userOf(new Set([0]), went), NOTHING)
  t.strictSame(went, [free[1]])
  t.notOk(line.passesFree)
  line.serve(userOf(NOTHING, went), NOTHING)
  t.strictSame(went, [free[1], free[0], free[2]])
  t.ok(line.passesFree)
  t.equal(line.held, 1)
})

t.test('what has room goes at once, when those before it begin to wait for the rate', async t => {
  const { line, pending } = lineOf(t)
  const [held, free] = [pending(0), pending(1, true)]
  line.take(held)
  line.take(free)
  const went: PendingPublish[] = []
  line.serve(userOf(NOTHING, went), NOTHING)
  t.strictSame(went, [free])
  t.equal(line.heldFrom, held.serial)
})

t.test('the rate holds those behind one that finds its partition full, and not that one', async t => {
  const { line, pending } = lineOf(t)
  const publishes = [pending(0), pending(0), pending(1), pending(0)]
  for (const publish of publishes) line.take(publish)
  line.serve(userOf(new Set([0]), []), NOTHING)
  t.equal(line.heldFrom, 3)
  t.equal(line.held, 2)
  t.equal(line.look(5_000), 3)
  t.strictSame(
    publishes.map(({ roomSince }) => roomSince === Number.POSITIVE_INFINITY),
    [false, false, true, true],
  )
})

t.test('what was answered leaves the line with the next that goes', async t => {
  const { line, room, abort, pending } = lineOf(t)
  line.take(pending(0), true)
  line.take(pending(0, true))
  abort.abort()
  line.serve(userOf(NOTHING, []), NOTHING)
  t.ok(line.isEmpty)
  t.equal(room.waiting, 0)
})
