/**
 * What is written down of a program while it runs: one line of JSON for each event, in the order in which they happened.
 *
 * Types only. Ids are texts: `life.number` of what a publisher sent, `id>group#…` of what a handler made of a record. Whoever
 * appends an event has not gone on before it is in the file, so that a killed process has said what it had done.
 */
import type { GroupOrder, Job, MemberKind, Style } from './plan.ts'

/** One record of a partition. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

interface Handed {
  readonly group: string
  /** The member, and the thread where a member has several. */
  readonly member: string
  readonly partition: number
  readonly offset: number
}

/** What a handler with a snapshot knows of its partition. */
export interface Counted {
  readonly n: number
  /** Of the numbers of the ids (`numberOf`). */
  readonly sum: number
  /** Behind the last record that counts. */
  readonly next: number
}

export type HowDone = 'ok' | 'failed' | 'rejected' | 'released' | 'late'

export type FuzzEvent =
  // Lives and calls.
  | { readonly e: 'life'; readonly life: number; readonly dir: boolean }
  | { readonly e: 'closed'; readonly life: number; readonly clean: boolean }
  | { readonly e: 'killed'; readonly life: number }
  | { readonly e: 'end' }
  | { readonly e: 'call'; readonly call: number; readonly what: string; readonly about: string }
  | {
      readonly e: 'returned'
      readonly call: number
      readonly what: string
      readonly code: string
      readonly why: string
      readonly ms: number
    }
  | { readonly e: 'uncaught'; readonly text: string }
  /** Something that the plan wanted to happen did. */
  | { readonly e: 'did'; readonly what: string }
  // Topics and publishers.
  | { readonly e: 'topic'; readonly topic: string; readonly partitions: number; readonly durability: string }
  /** It has so many partitions now. */
  | { readonly e: 'grown'; readonly topic: string; readonly partitions: number }
  | {
      readonly e: 'sent'
      readonly call: number
      /** Whose order counts: all of one source are of one producer. */
      readonly source: string
      readonly topic: string
      readonly id: string
      readonly key: string | null
      readonly partition: number | null
      readonly digest: string
      readonly fate: Job['fate']
    }
  | ({ readonly e: 'acked'; readonly id: string; readonly durability: string } & Place)
  | {
      readonly e: 'ranges'
      readonly call: number
      readonly topic: string
      readonly ranges: readonly { readonly partition: number; readonly baseOffset: number; readonly count: number }[]
    }
  /** All of a batch is known to be there but these. */
  | {
      readonly e: 'lists'
      readonly call: number
      readonly unpublished: readonly string[]
      readonly unknown: readonly string[]
    }
  /** Without a receipt: it was taken, it was not, or nobody knows. */
  | { readonly e: 'answer'; readonly id: string; readonly is: 'taken' | 'refused' | 'unknown' }
  | { readonly e: 'publishFailed'; readonly topic: string; readonly count: number }
  | {
      readonly e: 'named'
      readonly name: string
      readonly next: number
      /** Numbers below are of records that were published before. */
      readonly sentBefore: number
    }
  // What is in the log.
  | ({
      readonly e: 'read'
      readonly via: 'audit' | 'replay'
      readonly id: string
      readonly digest: string
      readonly key: string | null
      readonly replayed: boolean
    } & Place)
  | { readonly e: 'marks'; readonly topic: string; readonly highWatermarks: readonly number[] }
  // Groups.
  | {
      readonly e: 'group'
      readonly group: string
      readonly topic: string
      readonly style: Style
      readonly order: GroupOrder
      readonly attempts: number
      /** Where what its handlers make goes to. */
      readonly output: string | null
    }
  | { readonly e: 'joined'; readonly group: string; readonly member: string; readonly kind: MemberKind }
  | { readonly e: 'stopping'; readonly group: string; readonly member: string }
  | { readonly e: 'stopped'; readonly group: string; readonly member: string; readonly clean: boolean }
  | { readonly e: 'gaveUp'; readonly group: string; readonly code: string }
  | ({
      readonly e: 'hand'
      readonly id: string
      readonly digest: string
      readonly attempt: number
      readonly failed: number
      /** It was settled before anybody saw it: its partition is somebody else's. */
      readonly lost: boolean
    } & Handed)
  | ({ readonly e: 'done'; readonly how: HowDone } & Handed)
  | ({
      readonly e: 'state'
      readonly at: 'started' | 'restored' | 'ended'
      readonly group: string
      readonly member: string
      readonly partition: number
    } & Counted)
  | { readonly e: 'committed'; readonly group: string; readonly committed: readonly number[] }
  /** A seek is about to be called, and then `sought` follows; `failed`: none does. */
  | { readonly e: 'seeking'; readonly group: string; readonly failed: boolean }
  | {
      readonly e: 'sought'
      readonly group: string
      /** By partition; what was before the group was moved counts no more where it was. */
      readonly committed: readonly number[]
      readonly moved: readonly number[]
    }
  | ({
      readonly e: 'letter'
      readonly group: string
      readonly id: string
      readonly digest: string
      readonly reason: string
      readonly failed: number
      /** Where the letter itself is. */
      readonly letter: string
    } & Place)
  | {
      readonly e: 'passedOver'
      readonly group: string
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  /** Nothing is left for the group. */
  | { readonly e: 'drained'; readonly group: string; readonly passedOver: number }

export type EventOf<E extends FuzzEvent['e']> = Extract<FuzzEvent, { readonly e: E }>
