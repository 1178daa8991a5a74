/**
 * What is known of commits whose frames belong together and that have not returned: their logs have all of one, or nothing. After a loss
 * of power that is so for the logs that promise to survive it.
 */
import type { StoreEntry } from './log-store-types.ts'

interface Member {
  readonly topic: number
  readonly partition: number
  readonly isJournalled: boolean
  readonly before: number
  readonly after: number
}

export class JointPasses {
  /** By host; of each its last one, until it has returned or was judged. */
  readonly #begun = new Map<number, readonly Member[]>()
  /** Judged so far: in all, and in none. */
  whole = 0
  absent = 0

  begins(host: number, entries: readonly StoreEntry[]): void {
    const members = entries.map(({ log, baseOffset: before, endOffset: after }) => {
      return { topic: log.topic.topic, partition: log.partition, isJournalled: log.isJournalled, before, after }
    })
    this.#begun.set(host, members)
  }

  ended(host: number): void {
    this.#begun.delete(host)
  }

  losePower(): void {
    for (const [host, members] of this.#begun)
      this.#begun.set(
        host,
        members.filter(({ isJournalled }) => isJournalled),
      )
  }

  /** All logs, or those of a host, were opened. Throws where one has what another one lacks. */
  judge(endOf: (topic: number, partition: number) => number, only?: number): void {
    for (const [host, members] of this.#begun) {
      if (only !== undefined && only !== host) continue
      this.#begun.delete(host)
      if (members.length < 2) continue
      const found = members.map(member => ({ ...member, end: endOf(member.topic, member.partition) }))
      if (found.every(({ end, after }) => end === after)) this.whole++
      else if (found.every(({ end, before }) => end <= before)) this.absent++
      else throw new Error(`U4: a commit is in some of its logs: ${JSON.stringify(found)}`)
    }
  }
}
