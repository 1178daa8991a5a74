/** What a queue's host has on a disk in memory: logs and the settled file, opened again by each host and by each process. */
import { SettledLetters } from '../dead-letters/settled-letters.ts'
import { RECEIPT_FAILED } from '../link/link.ts'
import type { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { FaultPoint } from '../log/store/fault-point.ts'
import { storedTopic } from '../log/store/log-place.ts'
import { LogStore } from '../log/store/log-store.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { HostDisk } from '../partition/host-disk.ts'
import { PartitionDisk } from '../partition/partition-disk.ts'
import type { Staged } from '../resident/resident.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { TopicShape } from '../wire/places.ts'

export const DIR = '/data'
const LOG_ID = Buffer.alloc(16, 1)

export class QueueDisk implements HostDisk {
  failure: number | null = null
  error: Error | null = null
  readonly #disk: MemoryDisk
  readonly #logs: LogStore
  readonly settled: SettledLog
  readonly #letters = new Map<number, SettledLetters>()

  constructor(disk: MemoryDisk, topics: readonly TopicShape[], fault: (point: number) => void) {
    this.#disk = disk
    const at = (point: FaultPoint): void => fault(FAULT_POINT[point])
    const known = topics.map(topic => ({ topic: storedTopic(topic, logOf(topic)), partition: 0 }))
    this.#logs = LogStore.open(disk, DIR, 0, LOG_ID, known, { journalBytes: 65_536, fault: at })
    this.settled = SettledLog.open(disk, settledPath(DIR, 0), LOG_ID, { fault: at })
  }

  log(topic: TopicShape, words: number): PartitionDisk {
    const stored = this.#logs.partition(storedTopic(topic, logOf(topic)), 0)
    return new PartitionDisk(this, this.#disk, this.#logs, stored, words)
  }

  readonly letters = {
    of: (topic: number): SettledLetters => this.#letters.get(topic) ?? new SettledLetters(0),
    write: (): void => undefined,
  }

  settledOf(
    topic: number,
    partition: number,
    { startOffset, endOffset }: { readonly startOffset: number; readonly endOffset: number },
  ): SettledState {
    return this.settled.opened(topic, partition, startOffset, endOffset)
  }

  commit(staged: readonly Staged[]): void {
    const frames = staged.flatMap(one => one.frames)
    const isDone = this.attempt(() => {
      if (frames.length > 0) this.#logs.append(frames)
      this.settled.write(staged.flatMap(one => one.settled ?? []))
    })
    for (const one of staged) {
      if (isDone) one.committed()
      else one.failed(this.failure as number)
    }
  }

  syncSettled(): boolean {
    return this.attempt(() => this.settled.sync())
  }

  /** What the disk fails with stays; what a test throws is the death of the host. */
  attempt(act: () => void): boolean {
    if (this.failure !== null) return false
    try {
      act()
      return true
    } catch (error) {
      if ((error as Error).name !== 'DiskError') throw error
      this.failure = RECEIPT_FAILED
      this.error = error as Error
      return false
    }
  }
}

function logOf({ log, name }: TopicShape): NonNullable<TopicShape['log']> {
  if (log === null) throw new Error(`topic ${name} is in memory only`)
  return log
}
