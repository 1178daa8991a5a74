/** What those that live on a partition host are given by it. Types only. */
import type { Memory } from 'sharedarraybuffer-ring'
import type { HostNotice, PartitionHostBoot } from '../wire/host-calls.ts'
import type { HostLinks } from './host-links.ts'
import type { HostStore } from './host-store.ts'
import type { Residents } from './residents.ts'

export interface HostServices {
  readonly memory: Memory
  readonly boot: PartitionHostBoot
  readonly residents: Residents
  readonly links: HostLinks
  /** Null: the broker keeps nothing on disk. */
  readonly store: HostStore | null
  /** Tells the control thread. */
  readonly tell: (notice: HostNotice) => void
  /** Stops here for ever if a test has armed this point. */
  readonly fault: (point: number) => void
  /** A queue has handed something out, and its consumers are to say soon what they have ended. */
  readonly handedOut: () => void
  /** So many bytes were taken from rings. */
  readonly took: (bytes: number) => void
}
