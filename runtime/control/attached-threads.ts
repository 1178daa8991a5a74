/**
 * The threads of the program that are attached to the broker: let in, told what concerns them, and given up when they end.
 *
 * The control thread. A thread has ended when a port of it has closed. Node closes ports when no JavaScript of the thread runs any
 * more, and an attached broker closes its own only when nothing of it writes (docs/decisions/037). From then on: what the thread
 * began ends, its slots are fenced, its rings are drained, and its memory is free. Bound: ATTACHED_MAX threads.
 */
import type { MessagePort } from 'node:worker_threads'
import { connect, serve } from '../../actors/control-port.ts'
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import type { AttachPorts } from '../wire/attaching.ts'
import type { BrokerNotice } from '../wire/control-calls.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { AttachedCalls } from './attached-calls.ts'
import type { CallGate } from './call-gate.ts'
import type { Caller } from './caller.ts'
import type { Catalog } from './catalog.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import type { Runs } from './runs.ts'

/** Threads that are attached at a time. */
export const ATTACHED_MAX = 256
const FOR_EVER_MS = 2 ** 31 - 1

export interface AttachedParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  readonly runs: Pick<Runs, 'callerGone'>
}

export interface AttachedUpcalls {
  /** What this caller may ask for. */
  calls(caller: Caller): AttachedCalls
  /** It has ended, and nothing of it is a member of anything: what it left behind is drained and freed. */
  gone(thread: ThreadEntry): void
}

interface Attached {
  readonly caller: Caller
  /** Resolves when what it began has ended. */
  readonly over: Promise<void>
}

export class AttachedThreads {
  readonly #parts: AttachedParts
  readonly #upcalls: AttachedUpcalls
  readonly #attached = new Set<Attached>()

  constructor(parts: AttachedParts, upcalls: AttachedUpcalls) {
    this.#parts = parts
    this.#upcalls = upcalls
  }

  get callers(): readonly Caller[] {
    return [...this.#attached].map(({ caller }) => caller)
  }

  /** Lets a thread in, and answers it. Never rejects. */
  async admit(ports: AttachPorts): Promise<void> {
    const { api, members, notices } = ports
    let thread: ThreadEntry
    try {
      thread = this.#place()
    } catch (error) {
      refuse(ports, error)
      return
    }
    let hasEnded = false
    let closed: () => void = () => undefined
    const ended = new Promise<void>(resolve => {
      closed = () => {
        hasEnded = true
        resolve()
      }
    })
    for (const port of [api, members]) port.once('close', closed)
    const remote = connect<MemberApi>(members, {
      name: 'an attached thread',
      lost: new Promise(() => undefined),
      pendingMax: Number.POSITIVE_INFINITY,
    })
    const caller: Caller = {
      thread,
      members: remote.withDeadline(FOR_EVER_MS),
      hasEnded: () => hasEnded,
      tell: notice => notices.postMessage(notice),
    }
    const calls = this.#upcalls.calls(caller)
    const over = ended.then(() => {
      calls.leave()
      return this.#over(caller, [api, members, notices])
    })
    const attached: Attached = { caller, over }
    this.#attached.add(attached)
    void over.then(() => this.#attached.delete(attached))
    try {
      const { gate, catalog, hosts } = this.#parts
      await hosts.all((host, index) => {
        const link = thread.place.links[index] as ThreadEntry['place']['links'][number]
        return host.addThread({ thread: thread.place.thread, bell: catalog.bellOf(thread), link })
      })
      // One that began to close meanwhile has not told this thread.
      gate.checkOpen()
      serve(api, calls.api, { ref: false })
      caller.tell({ kind: 'attached', place: thread.place, memory: catalog.memory.handle })
    } catch (error) {
      refuse(ports, error)
    }
  }

  /** @throws MillraceError MILL_CLOSED, MILL_FULL, MILL_MEMORY */
  #place(): ThreadEntry {
    const { gate, catalog } = this.#parts
    gate.checkOpen()
    if (this.#attached.size >= ATTACHED_MAX)
      throw new MillraceError(
        'MILL_FULL',
        `${ATTACHED_MAX} threads are attached to this broker already, and that is the most: close one, or share one among callers`,
        { retriable: true },
      )
    return catalog.addThread()
  }

  async #over(caller: Caller, ports: readonly MessagePort[]): Promise<void> {
    for (const port of ports) port.close()
    // It may have published something, and not rung.
    this.#parts.catalog.wakeAll()
    await this.#parts.runs.callerGone(caller)
    this.#upcalls.gone(caller.thread)
  }

  /** Tells all what concerns them all. */
  tell(notice: BrokerNotice): void {
    for (const { caller } of this.#attached) caller.tell(notice)
  }

  /** The broker closes: asks all to let go, and waits. Returns what is said of those that did not. */
  async close(until: number): Promise<string[]> {
    if (this.#attached.size === 0) return []
    this.tell({ kind: 'closing', timeoutMs: Math.max(1, until - nowMs()) })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise(resolve => {
      timer = setTimeout(resolve, Math.max(1, until - nowMs()))
    })
    await Promise.race([late, Promise.all([...this.#attached].map(({ over }) => over))])
    clearTimeout(timer)
    const left = this.#attached.size
    if (left === 0) return []
    return [
      `${left === 1 ? 'an attached thread' : `${left} attached threads`} did not let go in time: a loop was busy, or what it published had no room`,
    ]
  }
}

/** Says why, and ends the connection. */
function refuse({ api, members, notices }: AttachPorts, error: unknown): void {
  notices.postMessage({ kind: 'brokerFailed', error: toWire(error) } satisfies BrokerNotice)
  for (const port of [api, members, notices]) port.close()
}
