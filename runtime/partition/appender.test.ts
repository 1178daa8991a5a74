/** What the way into a partition tells its keeping of frames, and what others see of it meanwhile. */
import { Arena, Memory, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { Appender } from './appender.ts'
import type { Keeping } from './keeping.ts'
import { frame } from './keeping-contract.fixture.ts'
import { MadeFrames } from './made-frames.ts'
import type { PartitionEnd } from './partition-end.ts'

const WINDOW = 4_096

/** A queue in memory that has a message at each of these offsets already, by the frames that come; -1: a new one. */
function queueOf(known: readonly number[]) {
  const memory = Memory.allocate(1 << 15)
  const window = new WindowWriter(memory, new Arena(memory, 128).allocate(windowBytes(WINDOW)), WINDOW)
  let at = 0
  let admitted = 0
  const keeping = {
    isOnDisk: false,
    failure: null,
    duplicateOf: () => known[at++] ?? -1,
    take: () => ++admitted > 0 && wasPending.push(appender.isPending) > 0,
    withdraw: () => void admitted--,
    appendBytes: 1_000,
    entry: () => null,
    committed: () => undefined,
    answered: () => undefined,
  }
  const wasPending: boolean[] = []
  const end = { offset: 7, commit: () => undefined } as unknown as PartitionEnd
  const appender = new Appender(window, end, keeping as unknown as Keeping, 'jobs', () => undefined)
  return { appender, admitted: () => admitted, wasPending }
}

t.test('where the disk of another partition fails, memory gives back what it has admitted', async t => {
  for (const [known, text] of [
    [-1, 'a new message'],
    [3, 'one that is there already'],
  ] as const) {
    const { appender, admitted } = queueOf([-1, known])
    appender.begin(new MadeFrames(frame(0)))
    t.ok(appender.takeNext())
    appender.giveUp()
    appender.begin(new MadeFrames(frame(1)))
    t.ok(appender.takeNext())
    appender.failPending(1)
    t.equal(admitted(), 1, `${text}: the one before stays`)
    t.notOk(appender.isPending)
  }
})

t.test(
  'no joint is begun in a partition that is taking frames, where what makes room for them appends elsewhere',
  async t => {
    const { appender, wasPending } = queueOf([-1])
    t.equal(appender.append(new MadeFrames(frame(0))), 'appended')
    t.strictSame(wasPending, [true])
    t.notOk(appender.isPending)
  },
)
