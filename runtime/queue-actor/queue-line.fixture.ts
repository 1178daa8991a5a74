/** A queue of three priorities whose messages are updated, at a host that dies, on clocks that a test moves: in memory and on disk. */
import * as node from '../../actors/world.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { AskedUpdate } from '../wire/queue-asks.ts'
import { QueueHouse, type SentValue } from './queue-house.fixture.ts'

/** Both clocks of the process. */
export const clock = { nowMs: 1_000, wallMs: 1_700_000_000_000 }
node.replaceWorld({ ...node, nowMs: () => clock.nowMs, wallMs: () => clock.wallMs })

export function later(ms: number): void {
  clock.nowMs += ms
  clock.wallMs += ms
}

const NOTHING: AskedUpdate = { priority: null, dueMs: null, livesMs: null }
type Sent = Omit<SentValue, 'value'>

/** It goes on in another host, or in another process where it is on disk. */
export class Line {
  readonly #disk: MemoryDisk | null
  readonly #queue: object
  house: QueueHouse

  constructor(isOnDisk: boolean, queue: object = {}) {
    this.#disk = isOnDisk ? new MemoryDisk() : null
    this.#queue = { priorities: 3, ...queue }
    this.house = this.#open()
  }

  #open(): QueueHouse {
    const options = { queue: this.#queue, capacity: 65_536, policy: { initialMs: 40, maxMs: 40 } }
    return new QueueHouse({ ...options, ...(this.#disk === null ? {} : { disk: this.#disk }) })
  }

  /** The host dies, and on disk its process, if that is asked for. */
  dies(withProcess: boolean): void {
    if (this.#disk === null || !withProcess) this.house.open()
    else this.house = this.#open()
    this.house.pass()
  }

  send(count: number, sent: Sent = {}): void {
    for (let at = 0; at < count; at++) this.house.send({ value: Buffer.alloc(24, at), ...sent })
    this.house.pass()
  }

  update(offset: number, asked: Partial<AskedUpdate>): string {
    const answer = this.house.queue.asks.update(offset, { ...NOTHING, ...asked })
    this.house.pass()
    return answer
  }

  /** Offsets of what a consumer gets now, in order; it goes without having begun any. */
  order(): number[] {
    const end = this.house.attach(500)
    this.house.pass()
    end.take()
    const offsets = end.waiting.map(({ offset }) => offset)
    end.yield()
    end.claims.publish()
    this.house.close(end, null)
    this.house.pass()
    return offsets
  }

  /** Each message, as it is seen: where it waits and why, and its priority. */
  seen(): unknown[] {
    const { messages } = this.house.queue.asks.browse(0, 1e9)
    return messages.map(({ offset, priority, sight }) => ({ offset, priority, sight }))
  }
}
