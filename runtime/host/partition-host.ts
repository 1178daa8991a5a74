/**
 * The thread that owns partitions and groups: its loop, and what it is told as a whole.
 *
 * Runs on a partition host; never runs user code. One pass of the loop takes in what threads say, and gives each resident that is
 * busy a step (residents.ts); when a pass finds nothing the thread sleeps by `waitAsync`, armed before a last look. It yields to
 * its event loop every few milliseconds, so control calls are answered under load.
 *
 * What lives here is in kinds.ts, and a pass costs what of that is busy. A thread that publishes or settles says where to look
 * before it rings (host-links.ts).
 */
import type { MessagePort } from 'node:worker_threads'
import { Doorbell, type Memory } from 'sharedarraybuffer-ring'
import type { BehaviourContext } from '../../actors/boot.ts'
import { serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { nowMs, setImmediate, viewMemory } from '../../actors/world.ts'
import { ShortWaits } from '../base/short-waits.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import type { HostHoldings, HostNotice, PartitionHostApi, PartitionHostBoot } from '../wire/host-calls.ts'
import { FAULT_ARMED, FAULT_POINT, FAULT_REACHED, HOST_BELL, HOST_WANTS } from '../wire/layout.ts'
import { fromWire, toWire } from '../words/errors.ts'
import { HostLinks } from './host-links.ts'
import { HostStore } from './host-store.ts'
import { type Kinds, makeKinds } from './kinds.ts'
import { Residents } from './residents.ts'

/** Longest time without yielding to the event loop. */
const YIELD_MS = 5
/** Below this much new work the thread sleeps until it is rung, and a lone publish is answered at once. */
const NAP_FROM_BYTES = 16_384
/** A nap takes about a tenth of a millisecond longer than asked for, and costs less than the wake-ups that it saves. */
const NAP_MS = 0.25
/** Passes that look for what consumers of a queue have ended, at most: about ten microseconds. */
const PASSES_MAX = 24

type WholeCalls = Pick<PartitionHostApi, 'restore' | 'addThread' | 'removeThread' | 'stop'>

export class PartitionHost {
  readonly #memory: Memory
  readonly #boot: PartitionHostBoot
  readonly #bell: Doorbell
  readonly #tell: (notice: HostNotice) => void
  readonly #links: HostLinks
  readonly residents: Residents
  /** What the control thread calls: what exists comes first, and the calls about that with it. */
  readonly calls: WholeCalls & Partial<PartitionHostApi> = {
    restore: holdings => this.#restore(holdings),
    addThread: thread => this.#links.add(thread),
    removeThread: thread => {
      this.#links.remove(thread)
      this.#bell.ring()
    },
    stop: () => this.#stop(),
  }
  /** Null: it has not been told what exists. */
  #kinds: Kinds | null = null
  #store: HostStore | null = null
  #stopped = false
  /** Bytes taken by all partitions since it last considered a nap. */
  #takenBytes = 0
  /** For what consumers of queues have ended, who were handed something. */
  readonly #ends = new ShortWaits(PASSES_MAX)

  constructor(boot: PartitionHostBoot, tell: (notice: HostNotice) => void) {
    this.#boot = boot
    this.#memory = viewMemory(boot.memory)
    this.#bell = new Doorbell(this.#memory, boot.address + HOST_BELL)
    this.#tell = tell
    this.residents = new Residents(
      staged => this.#store?.commit(staged),
      () => this.#bell.ring(),
      nowMs(),
    )
    this.#links = new HostLinks(this.#memory, {
      settle: settlement => {
        const isAnswered = this.#kinds?.settle(settlement) ?? true
        this.#fault(FAULT_POINT.betweenVerdictAndRelease)
        return isAnswered
      },
      asks: cursor => this.#kinds?.asks(cursor),
      mayAsk: link => this.#kinds?.mayAsk(link),
      drained: thread => tell({ kind: 'drained', thread }),
    })
  }

  async run(): Promise<void> {
    let lastYield = nowMs()
    while (!this.#stopped) {
      if (this.pass() || this.#nap() || this.#ends.looksOn()) {
        if (nowMs() - lastYield < YIELD_MS) continue
        await new Promise(setImmediate)
      } else await this.#sleep()
      lastYield = nowMs()
    }
  }

  /** Whether it did anything. */
  pass(): boolean {
    this.#links.hold()
    const hasSettled = this.#links.take()
    const worked = this.residents.pass(nowMs())
    this.#links.answers.flush()
    this.#links.letGo()
    this.#links.tellDrained()
    if (!worked && !hasSettled) return false
    this.#ends.came()
    return true
  }

  /** Under load, waits a moment for more instead of having itself woken for every frame; whether it did. */
  #nap(): boolean {
    const taken = this.#takenBytes
    this.#takenBytes = 0
    if (taken < NAP_FROM_BYTES) return false
    this.#bell.nap(NAP_MS, () => this.#links.hasNews)
    return true
  }

  async #sleep(): Promise<void> {
    const waitsForCommits = this.residents.settle(nowMs())
    this.#memory.store(this.#boot.address + HOST_WANTS, waitsForCommits ? 1 : 0)
    this.#bell.arm()
    // A commit between the last pass and this has not rung: a resident that waits for one looks again.
    const hasNews = this.#links.hasNews || this.#links.answers.flush()
    if (hasNews || this.residents.isReady || (waitsForCommits && this.pass())) {
      this.#bell.disarm()
      await new Promise(setImmediate)
      return
    }
    const since = nowMs()
    const rung = this.#bell.waitAsync(this.residents.dueInMs(nowMs()))
    if (rung === null) await new Promise(setImmediate)
    else await rung
    this.#ends.slept(nowMs() - since)
  }

  #fault(point: number): void {
    const armed = this.#boot.fault + FAULT_ARMED
    if (this.#memory.i32[armed >> 2] !== point) return
    this.#memory.store(this.#boot.fault + FAULT_REACHED, point)
    this.#memory.wait(armed, point, 60_000)
  }

  #restore(holdings: HostHoldings): void {
    const { store, host } = this.#boot
    if (store !== null)
      this.#store = new HostStore(store, host, holdings.partitions, {
        disk: openDisk(store.modes),
        failed: error => this.#tell({ kind: 'diskFailed', error: toWire(error) }),
        cut: cuts => {
          if (cuts.length > 0) this.#tell({ kind: 'recovered', cuts })
        },
        fault: point => this.#fault(point),
        // What is in memory does not wait for the disk.
        waits: () => this.#links.letGo(),
      })
    for (const thread of holdings.threads) this.#links.add(thread)
    const kinds = makeKinds({
      memory: this.#memory,
      boot: this.#boot,
      residents: this.residents,
      links: this.#links,
      store: this.#store,
      tell: this.#tell,
      fault: point => this.#fault(point),
      took: bytes => {
        this.#takenBytes += bytes
        if (this.#takenBytes >= NAP_FROM_BYTES) this.#links.letGo()
      },
      handedOut: () => {
        this.#ends.isAwaiting = true
      },
    })
    this.#kinds = kinds
    kinds.restore(holdings)
    for (const thread of holdings.leaving) this.#links.remove(thread)
    Object.assign(this.calls, kinds.calls)
  }

  #stop(): void {
    this.#stopped = true
    this.#kinds?.close()
    this.#store?.close(this.#kinds?.groups.all() ?? [])
    this.#bell.ring()
  }
}

/** Entry of the thread; ends when the control thread says `stop`. */
export async function behave({ data, port }: BehaviourContext): Promise<void> {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const { notices, boot } = data as { readonly notices: MessagePort; readonly boot: PartitionHostBoot }
  const host = new PartitionHost(boot, notice => notices.postMessage(notice))
  const stopServing = serve(port, host.calls)
  try {
    await host.run()
  } finally {
    stopServing()
    notices.close()
  }
}
