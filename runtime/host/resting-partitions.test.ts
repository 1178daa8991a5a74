/** What a pass of a partition host costs, in steps of its residents: what is busy, and nothing for what is not. */
import t from 'tap'
import { LINK_HINTS } from '../link/link.ts'
import { linkedHost } from './linked-host.fixture.ts'

const PARTITIONS = 200
/** A publish is a step or two of its partition, and of what lives here once. */
const FEW = 20

t.test(
  'partitions at rest have no step, however many passes there are, and a publish has one where it goes',
  async t => {
    const { host, publish, rest, recordsOf } = linkedHost(PARTITIONS)
    rest()
    const { steps } = host.residents
    for (let pass = 0; pass < 50; pass++) t.notOk(host.pass())
    t.equal(host.residents.steps, steps, 'passes over what rests look at nothing')
    for (const partition of [7, 150, 7]) {
      const before = recordsOf(partition)
      publish(partition)
      const cost = rest()
      t.equal(recordsOf(partition), before + 1)
      t.ok(cost > 0 && cost <= FEW, `${cost} steps`)
    }
  },
)

t.test('a host that goes on passing lets go of what has nothing to do any more', async t => {
  const { host, publish } = linkedHost(PARTITIONS)
  while (host.pass());
  for (let partition = 0; partition < PARTITIONS; partition++) publish(partition)
  for (let pass = 0; pass < 40; pass++) {
    publish(3)
    host.pass()
  }
  const { steps } = host.residents
  publish(3)
  host.pass()
  t.ok(host.residents.steps - steps <= FEW, `${host.residents.steps - steps} steps`)
})

t.test('when hints were lost, all that is that thread’s is looked at', async t => {
  const { publish, rest, recordsOf } = linkedHost(8)
  rest()
  publish(5)
  for (let hint = 0; hint < LINK_HINTS; hint++) publish(1 + (hint % 3))
  rest()
  t.equal(recordsOf(5), 1)
})

t.test('what a thread published and did not say before it died is taken, and its rings are given back', async t => {
  const { host, publish, rest, recordsOf, notices } = linkedHost(3)
  rest()
  publish(1, false)
  rest()
  t.equal(recordsOf(1), 0, 'nobody has said so')
  host.calls.removeThread(1)
  rest()
  t.equal(recordsOf(1), 1)
  const drained = notices.filter(({ kind }) => kind === 'ringDrained')
  t.equal(drained.length, 3)
  t.strictSame(notices.at(-1), { kind: 'drained', thread: 1 })
})

t.test('what nobody says is found after five seconds, some partitions in each pass', async t => {
  const { host, publish, rest, recordsOf } = linkedHost(600)
  rest()
  publish(599, false)
  const now = performance.now()
  const before = host.residents.steps
  host.residents.pass(now + 1_000)
  t.equal(host.residents.steps, before, 'it is not time')
  t.ok(host.residents.dueInMs(now) <= 5_000)
  host.residents.pass(now + 6_000)
  t.ok(host.residents.steps - before <= 256, 'a pass stays short')
  t.ok(host.residents.isReady, 'it goes on at once')
  while (host.residents.isReady) host.residents.pass(now + 6_001)
  t.equal(recordsOf(599), 1)
  rest()
  const after = host.residents.steps
  host.pass()
  t.equal(host.residents.steps, after, 'and they rest again')
})

t.test('a commit that comes while the host goes to sleep is not missed by a resident that waits for one', async t => {
  const { host } = linkedHost(1)
  let hasRoom = false
  let isDone = false
  host.residents.lane()({
    work: () => {
      if (!hasRoom || isDone) return false
      isDone = true
      return true
    },
    standing: () => {
      // Asked after the last pass, and before the host sleeps.
      hasRoom = true
      return isDone ? 'rests' : 'waitsForCommit'
    },
    dueInMs: () => Number.POSITIVE_INFINITY,
    stage: () => null,
  })
  const running = host.run()
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  t.ok(isDone)
  host.calls.stop()
  await running
})
