/** Exchanges beside sends by hand. */
import { dryRoutes } from '../subjects/dry-routes.ts'
import { exchangeOne, exchangeTen, sendOne, sendTen } from '../subjects/exchange.ts'
import type { Suite } from '../suite.ts'

export const routeSuite: Suite = {
  hops: 2,
  cases: [
    {
      name: 'route-dry',
      about:
        'targets found of keys out of 100,000, by 10,000 bindings of a topic exchange; each asked for by a promise',
      subjects: [dryRoutes],
      payloads: ['100'],
      warmUps: 2,
    },
    {
      name: 'route-1',
      about: 'main to a queue to two handler threads, by an exchange or by send; each awaited, in windows of 1,000',
      subjects: [sendOne, exchangeOne],
      payloads: ['100'],
      warmUps: 4,
    },
    {
      name: 'route-10',
      about: 'main to ten queues that nothing consumes, by an exchange or by ten sends; awaited in windows of 1,000',
      subjects: [sendTen, exchangeTen],
      payloads: ['100'],
      warmUps: 4,
    },
  ],
}
