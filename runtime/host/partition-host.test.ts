/** When a pass wakes the threads that it tells something. */
import { Doorbell, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { THREAD_BELL } from '../wire/layout.ts'
import { linkedHost } from './linked-host.fixture.ts'

const PARTITIONS = 8
const LARGE = 'x'.repeat(900)

/** Partitions that had their records when the publisher was woken first, in a pass over `each` records of 900 bytes in all of them. */
function takenWhenWoken(each: number): number | undefined {
  const { host, thread, publish, rest, recordsOf } = linkedHost(PARTITIONS)
  rest()
  for (let partition = 0; partition < PARTITIONS; partition++)
    for (let record = 0; record < each; record++) publish(partition, true, LARGE)
  new Doorbell(thread.memory, thread.address + THREAD_BELL).arm()
  const { notify } = Memory.prototype
  let taken: number | undefined
  Memory.prototype.notify = function (this: Memory, address: number): void {
    if (address === thread.address + THREAD_BELL)
      taken ??= Array.from({ length: PARTITIONS }, (_, at) => recordsOf(at)).filter(count => count === each).length
    notify.call(this, address)
  }
  try {
    host.pass()
  } finally {
    Memory.prototype.notify = notify
  }
  return taken
}

t.test('a pass over little wakes a publisher at its end, and one over much when it has taken 16 KiB', async t => {
  t.equal(takenWhenWoken(1), PARTITIONS)
  const taken = takenWhenWoken(5)
  t.ok(taken === 3 || taken === 4, `four partitions have 18,000 bytes: ${taken}`)
})
