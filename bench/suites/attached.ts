/** A thread of the program that has attached to the broker, beside the thread that has opened it. */

import type { CaseName } from '../subject.ts'
import { fromAttached, fromMain } from '../subjects/attached.ts'
import type { Suite } from '../suite.ts'

export const attachedSuite: Suite = {
  hops: 2,
  cases: [
    { name: 'attached-publish', about: 'eachBatch of suite pipeline, published by an attached thread or by main' },
    { name: 'attached-handle', about: 'published by main in batches, and handled on an attached thread or on main' },
  ].map(one => ({
    ...one,
    name: one.name as CaseName,
    subjects: [fromMain, fromAttached],
    payloads: ['64'],
    warmUps: 2,
  })),
}
