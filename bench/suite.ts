/** What a suite is: cases, each with its subjects and values. Types, and the plan that a subject gets. Pure. */
import type { Check } from './checks.ts'
import type { Effort } from './harness.ts'
import type { CaseName, Spec, Subject } from './subject.ts'
import { createWorkload, type PayloadName } from './workload.ts'

export interface SuiteCase {
  readonly name: CaseName
  readonly about: string
  readonly subjects: readonly Subject[]
  readonly payloads: readonly PayloadName[]
  /** Its subjects of the build in another folder; default: those of its benches. */
  against?(folder: URL): readonly Subject[]
  /** Records of the measured run; default: as many as take a while. */
  readonly records?: number
  /** How many times as long as usual its warm-up takes: much code, or paced calls, are not compiled in the usual time. */
  readonly warmUps?: number
  /** What handlers do with a value; default: with bytes `ends` after one hop, and `bytes` after two. */
  readonly check?: Check
}

export interface Suite {
  readonly cases: readonly SuiteCase[]
  readonly hops: 1 | 2
  /** What full effort is here, where it is not the usual. */
  readonly effort?: Partial<Effort>
}

export function specOf({ hops }: Suite, one: SuiteCase, payload: PayloadName): Spec {
  const { name, records, warmUps = 1 } = one
  const check = payload === 'json' ? 'json' : (one.check ?? (hops === 1 ? 'ends' : 'bytes'))
  const spec = { caseName: name, workload: createWorkload(payload, check), hops, warmUps }
  return records === undefined ? spec : { ...spec, records }
}
