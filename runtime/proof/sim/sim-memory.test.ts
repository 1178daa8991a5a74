/** The memory of a simulation is its own: nothing of one before it shows up. */
import { Arena } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { Scheduler } from './scheduler.ts'
import { SharedBytes, simMemory, watchArena } from './sim-memory.ts'

const BYTES = 65_536
const LINE = 128

/** Memory whose spare copies are full of what a simulation before it has left there. */
function used(): { readonly shared: SharedBytes; readonly words: Int32Array; readonly arena: Arena } {
  watchArena()
  const buffer = new ArrayBuffer(BYTES)
  const scheduler = { check: () => undefined } as unknown as Scheduler
  const saved = new Uint8Array(BYTES).fill(7)
  const kept = new Int32Array(BYTES / 4).fill(7)
  const shared = new SharedBytes(buffer, saved, kept, scheduler)
  return { shared, words: new Int32Array(buffer), arena: new Arena(simMemory(shared), LINE) }
}

t.test('what is handed out and written in a step that is hidden was zero before', async t => {
  const { shared, words, arena } = used()
  const before = arena.allocate(LINE) >> 2
  words[before] = 1
  shared.keep()
  const since = arena.allocate(4 * LINE) >> 2
  words[before] = 2
  words[since + LINE - 1] = 3
  shared.hide()
  t.strictSame([words[before], words[since + LINE - 1], words[since + LINE - 2]], [1, 0, 0])
  t.ok(shared.hides)
  shared.reveal()
  t.strictSame([words[before], words[since + LINE - 1], words[since + LINE - 2]], [2, 3, 0])
})

t.test('what a thread does behind its end is not done, also in memory that was handed out since', async t => {
  const { shared, words, arena } = used()
  const before = arena.allocate(LINE) >> 2
  words[before] = 1
  shared.save()
  const since = arena.allocate(4 * LINE) >> 2
  words[before] = 2
  words[since + LINE - 1] = 3
  shared.restore()
  t.strictSame([words[before], words[since + LINE - 1], words[since + LINE - 2]], [1, 0, 0])
})

t.test('what a thread writes when the memory of its process is gone is not in the next one', async t => {
  watchArena()
  const buffer = new ArrayBuffer(BYTES)
  const words = new Int32Array(buffer)
  const scheduler = { check: () => undefined } as unknown as Scheduler
  const next = () => new SharedBytes(buffer, new Uint8Array(BYTES), new Int32Array(BYTES / 4), scheduler)
  const shared = next()
  const at = new Arena(simMemory(shared), LINE).allocate(LINE) >> 2
  shared.wipe()
  words[at] = 5
  next()
  t.equal(words[at], 0)
})
