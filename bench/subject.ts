/**
 * What every measured thing, ours or a rival, looks like to the harness.
 *
 * Types only. A subject is started afresh for every round, runs on the main thread, and owns the threads it starts.
 * `run` may be called many times, one after another; each call publishes records 0 to `records - 1` of the workload.
 */
import type { Workload } from './workload.ts'

export type CaseName =
  | 'eachBatch'
  | 'eachMessage'
  | 'awaited'
  | 'reads-byte'
  | 'works-1us'
  | 'partitions'
  | 'one-by-one'
  | 'latency-1k'
  | 'latency-10k'
  | 'latency-50k'
  | 'idle'
  | 'attached-publish'
  | 'attached-handle'
  | 'cli-lines'
  | 'flights'
  | 'ring-batch32'
  | 'ring-each'
  | 'ring-round-trip'
  | 'ring-round-trip-async'
  | 'ring-heap'
  | 'window-batch32'
  | 'durable'
  | 'durable-paced'
  | 'compute-1'
  | 'compute-2'
  | 'queue-each'
  | 'queue-latency'
  | 'request-latency'
  | 'queue-servers'
  | 'route-dry'
  | 'route-1'
  | 'route-10'

export interface Spec {
  readonly caseName: CaseName
  readonly workload: Workload
  /** Thread boundaries that a record crosses: 2 for a pipeline (main, middle, handler), 1 for a ring. */
  readonly hops: 1 | 2
  /** Records of the measured run; default: as many as take about `runSeconds`. */
  readonly records?: number
  /** How many times as long as usual the warm-up takes. */
  readonly warmUps: number
}

export interface Sample {
  /** From before the first publish until the last record was handled and acknowledged. */
  readonly seconds: number
  /** Sampled times from publish to receipt or answer, in us; only where there is one. */
  readonly latenciesUs?: ArrayLike<number>
  /** Processor time of the run, where it is a process of its own. */
  readonly cpuSeconds?: number
  /** By how much the heaps of all threads grew, in bytes; only where that is measured. */
  readonly heapBytes?: number
}

export interface Running {
  run(records: number): Promise<Sample>
  /** Takes the place of `run` before the measured one, where that would take too long to warm anything up. */
  warmUp?(records: number): Promise<Sample>
  /** Stops all threads; resolves with the handler's total over all runs. */
  stop(): Promise<number>
}

export interface Subject {
  readonly name: string
  /** What a reader must know who compares it, in a few words. */
  readonly note?: string
  /** Whether the subject has a way of its own to do this case with this payload. */
  supports(spec: Spec): boolean
  /** Why it cannot run on this machine, in a sentence, or undefined; default: it can. */
  whyMissing?(): string | undefined
  start(spec: Spec): Promise<Running>
  /** The total a run must reach; default: the workload's. */
  total?(spec: Spec, records: number): number
}
