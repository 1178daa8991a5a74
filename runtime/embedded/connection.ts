/**
 * A thread's connection to the control thread of a broker. Types only; the thread that opened the broker, or an attached one.
 *
 * They differ in how they came about and in how they end. What goes over them is the same.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Memory } from 'sharedarraybuffer-ring'
import type { Remote } from '../../actors/control-port.ts'
import type { BrokerNotice, KeptSchedule, OwnerControlApi } from '../wire/control-calls.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import type { MillraceError } from '../words/errors.ts'

export interface Connection {
  readonly isAttached: boolean
  readonly remote: Remote<OwnerControlApi>
  readonly memory: Memory
  /** Of this thread. */
  readonly place: ThreadPlace
  /** Those that the folder has; an attached thread has none. */
  readonly schedules: readonly KeptSchedule[]
  /** At which the control thread calls this thread's members. */
  readonly members: MessagePort
  /** By which other threads attach. */
  readonly ticket: string
  /** What to say of its end, once it has ended by itself. */
  readonly lost: Promise<MillraceError>
  /** Who hears what the control thread says from now on; nothing of it keeps the process alive. */
  hear(heard: (notice: BrokerNotice) => void): void
  /** Keeps this thread alive, and no longer. */
  ref(): void
  unref(): void
  /** `isClean`: nothing of the broker runs on this thread any more. */
  end(isClean: boolean): Promise<void>
}
