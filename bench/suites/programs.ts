/** Whole programs beside plain ones that do the same without a broker: from start to end, with all that Node needs. */
import { millraceFlights, millraceRun, plainLoop, plainScript } from '../subjects/programs.ts'
import type { Suite } from '../suite.ts'

export const programsSuite: Suite = {
  hops: 2,
  cases: [
    {
      name: 'cli-lines',
      about: '`millrace run` with a handler that looks at a field, beside a script with readline, on a file of flights',
      subjects: [millraceRun('millrace run'), plainScript],
      against: folder => [millraceRun('millrace run, before', folder)],
      payloads: ['json'],
      records: 500_000,
    },
    {
      name: 'flights',
      about: 'example 01, three million flights through two groups, beside one loop over the same file',
      subjects: [millraceFlights('millrace'), plainLoop],
      against: folder => [millraceFlights('millrace, before', folder)],
      payloads: ['json'],
      records: 3_000_000,
    },
  ],
}
