/** Who hands work to the members of a group: partitions of a topic, or a place at a queue. Types only; the control thread. */
import type { GrownTopic } from '../wire/producer-places.ts'
import type { GroupEntry, ThreadEntry } from './catalog-entries.ts'
import type { CrashOf, Farewell, MemberHandle } from './member-handle.ts'

export interface Coordinator {
  readonly group: GroupEntry
  /** Members that have joined, whether their threads live or not. */
  readonly members: number
  /** Members that have something to read now. */
  readonly owners: number
  /** The run whose member reads there; null: that reader has been replaced. */
  runOf(cursor: number, epoch: number): number | null
  /** Of a queue: the consumer that has this slot; null: it has ended. */
  consumerAt?(cursor: number, epoch: number): MemberHandle | null
  /** Members came (again), together. Resolves when they have taken up what they got; others need not wait for that. */
  up(handles: ReadonlyMap<string, MemberHandle>): Promise<void>
  /** A member's thread has ended; its slots are fenced and what was executing is charged. */
  down(id: string, crashOf: CrashOf): Promise<void>
  /** The members of a run go for good, once they have taken up what they have. With `stop` their handlers' `stop` is run. */
  leave(run: number, ids: readonly string[], stop: boolean): Promise<Farewell>
  /** Its topic has more partitions. Resolves when they are owned, whenever they are taken up. */
  grown(): Promise<void>
  /** Tells the threads of its members what topics have come to be. */
  tellGrown(grownFor: (thread: ThreadEntry) => readonly GrownTopic[]): void
}
