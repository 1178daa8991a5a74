/**
 * Stresses one ring: two threads, of which now and then one is killed and another takes its place.
 *
 * Main thread. A side is replaced only after its predecessor's `'exit'`, and then both sides are woken, since the
 * dead one may have published and not rung.
 */
import { Doorbell } from '../doorbell.ts'
import { BELL_BYTES, RING_HEAD, RING_TAIL, ringBytes } from '../layout.ts'
import { Memory, type MemoryKind } from '../memory.ts'
import { Random } from './checked-record.ts'
import { LEDGER_BYTES, Ledger } from './ledger.ts'
import { live, sleepMs } from './lives.ts'
import type { RingSideData, RingSideMessage, RingSideName } from './ring-side.ts'
import { StallWatch } from './stall-watch.ts'
import { StressedThread } from './thread.ts'

export interface RingStressReport {
  readonly kind: MemoryKind
  readonly records: number
  readonly bytes: number
  readonly kills: Readonly<Record<RingSideName, number>>
  /** Records that came again after a consumer's death. */
  readonly repeated: number
  /** While both threads ran; and how long a thread took to begin. */
  readonly longestStallMs: number
  readonly longestStartMs: number
  readonly faults: readonly string[]
}

const END_MS = 10_000

export async function stressRing(
  kind: MemoryKind,
  capacity: number,
  start: number,
  seconds: number,
): Promise<RingStressReport> {
  const stop = 0
  const bells = { producer: 128, consumer: 128 + BELL_BYTES }
  const ledgers = { producer: 128 + 2 * BELL_BYTES, consumer: 128 + 2 * BELL_BYTES + LEDGER_BYTES }
  const ring = ledgers.consumer + LEDGER_BYTES
  const memory = Memory.allocate(ring + ringBytes(capacity), kind)
  for (const word of [RING_TAIL, RING_HEAD]) memory.store(ring + word, start)
  for (const ledger of Object.values(ledgers)) new Ledger(memory, ledger).reset(start, 0)

  const random = new Random(capacity)
  const faults: string[] = []
  let startMs = 0
  const kills = { producer: 0, consumer: 0 }
  const done: Partial<Record<RingSideName, number>> = {}
  let repeated = 0
  const begin = (side: RingSideName): StressedThread<RingSideMessage> => {
    const data: RingSideData = {
      side,
      memory: memory.handle,
      ring,
      capacity,
      ledgers,
      bells,
      stop,
      seed: random.word(),
    }
    const onMessage = (message: RingSideMessage): void => {
      if (message.kind === 'fault') faults.push(`${side}: ${message.fault}`)
      else if (message.kind === 'done') done[side] = message.next
      else if (message.repeated < 0) faults.push(`${side}: ${-message.repeated} records were skipped`)
      else repeated += message.repeated
    }
    return new StressedThread(new URL('./ring-side.js', import.meta.url), data, onMessage, fault => faults.push(fault))
  }
  const threads = { producer: begin('producer'), consumer: begin('consumer') }
  const counted = (): number => new Ledger(memory, ledgers.consumer).counted
  const watch = new StallWatch(() => {
    const running = threads.producer.running && threads.consumer.running
    return [['consumer', running ? counted() : null]]
  })

  const until = performance.now() + seconds * 1e3
  while (performance.now() < until && faults.length === 0) {
    await live(random)
    const side = random.below(2) === 0 ? 'producer' : 'consumer'
    startMs = Math.max(startMs, threads[side].startMs ?? 0)
    await threads[side].kill()
    for (const bell of Object.values(bells)) new Doorbell(memory, bell).wake()
    threads[side] = begin(side)
    kills[side]++
  }
  watch.stop()
  memory.store(stop, 1)
  new Doorbell(memory, bells.producer).ring()
  const ended = Promise.all([threads.producer.exited, threads.consumer.exited]).then(() => true)
  if (!(await Promise.race([ended, sleepMs(END_MS)]))) faults.push('the threads did not come to an end')
  await Promise.all([threads.producer.kill(), threads.consumer.kill()])
  if (faults.length === 0 && done.producer !== done.consumer)
    faults.push(`${done.producer} records were published, ${done.consumer} were read`)
  return {
    kind: memory.kind,
    records: counted(),
    bytes: capacity,
    kills,
    repeated,
    longestStallMs: watch.longestMs,
    longestStartMs: startMs,
    faults,
  }
}
