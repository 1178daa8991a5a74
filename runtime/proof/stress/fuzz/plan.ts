/** What a program is to do, as data: made from a seed by plan-program.ts, the same each time. Types only. */
import type { CodecName, Durability } from '../../../words/message.ts'
import type { SelfKill } from './self-kill.ts'

/**
 * What handlers do with a record. `ok`: they return. `later`: after a short await. `spin`: after a moment in which the thread
 * does nothing else. `stall`: the same for long, once. `flaky`: they fail `times` times before. `fail`: always. `reject`: with a
 * RejectError.
 */
export type Fate = 'ok' | 'later' | 'spin' | 'stall' | 'flaky' | 'fail' | 'reject'
/** How a handler fails: the last two with values that throw when they are looked at. */
export type Failing = 'throw' | 'reject' | 'throwHostile' | 'returnHostile'

export interface Job {
  readonly id: string
  readonly fate: Fate
  readonly ms: number
  readonly times: number
  readonly how: Failing
  readonly pad: string
}

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly codec: CodecName
  readonly onFull: 'wait' | 'reject'
  readonly windowBytes: number
  readonly durability: Durability
}

export type PublishStep =
  | {
      readonly do: 'publish'
      readonly awaits: 'each' | 'all' | 'late'
      readonly count: number
      readonly abortMs: number | null
      readonly timeoutMs: number | null
    }
  | { readonly do: 'try'; readonly count: number }
  | { readonly do: 'batch'; readonly count: number; readonly abortMs: number | null; readonly timeoutMs: number | null }
  | { readonly do: 'named'; readonly batches: number; readonly count: number }
  | { readonly do: 'flush' }
  /** The topic gets so many partitions more. */
  | { readonly do: 'grow'; readonly count: number }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'stall'; readonly ms: number }

export interface PublisherPlan {
  readonly name: string
  readonly topic: string
  readonly steps: readonly PublishStep[]
  readonly keys: number
  /** Shares of records without a key, with an explicit partition, and with headers. */
  readonly unkeyed: number
  readonly placed: number
  readonly headed: number
  readonly padMax: number
  /** Shares of the fates; the rest is `ok`. */
  readonly fates: Readonly<Partial<Record<Fate, number>>>
  readonly hostile: number
}

/** How a group consumes: anything, with snapshots, or at most once. */
export type Style = 'plain' | 'snapshot' | 'atMostOnce'
export type MemberKind = 'handle' | 'keyed' | 'batch' | 'run' | 'runBatch' | 'consume' | 'observe' | 'settle'
/** Whose records are done in order: a partition's, a key's, or nobody's. */
export type GroupOrder = 'partition' | 'key' | 'none'

export interface MemberPlan {
  readonly name: string
  readonly kind: MemberKind
  readonly threads: number
  readonly concurrency: number
  readonly window: number
  readonly batchMax: number
  /** The handler itself stops the member when it has this many records, and then spins; or the loop is left. */
  readonly stopAt: number | null
  /** It is stopped by a signal. */
  readonly aborts: boolean
}

export type GroupStep =
  | { readonly do: 'join'; readonly member: MemberPlan }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'pause' | 'resume'; readonly member: string }
  | { readonly do: 'stop'; readonly member: string; readonly timeoutMs: number | null }
  | { readonly do: 'idle'; readonly member: string }
  | { readonly do: 'seek'; readonly to: 'earliest' | 'latest' | 'middle' | 'date' }
  | { readonly do: 'replay' | 'repair' | 'purge' | 'browse' }

export interface GroupPlan {
  readonly name: string
  readonly topic: string
  readonly style: Style
  readonly order: GroupOrder
  readonly retryOrder: GroupOrder
  readonly attempts: number
  readonly backoffMs: number
  /** What handlers make goes there, as what they return or by their context. */
  readonly output: string | null
  readonly by: 'return' | 'context' | 'unawaited'
  /** Whether handlers of this group stand still where a record says so. */
  readonly stalls: boolean
  readonly steps: readonly GroupStep[]
}

export type KillPlan = { readonly afterMs: number } | SelfKill

export interface LifePlan {
  readonly publishers: readonly PublisherPlan[]
  readonly groups: readonly GroupPlan[]
  /** Members are stopped before the broker is closed. */
  readonly stopsFirst: boolean
  readonly kill: KillPlan | null
}

export interface ProgramPlan {
  readonly seed: number
  readonly place: 'memory' | 'disk'
  readonly partitionThreads: number
  readonly topics: readonly TopicPlan[]
  readonly lives: readonly LifePlan[]
}

/** Where the dead letters of a group go: a topic that is opened before, with as many partitions as their source has. */
export function lettersOf(prefix: string, { name }: Pick<GroupPlan, 'name'>): string {
  return `${prefix}${name}.letters`
}
