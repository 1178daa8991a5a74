/**
 * A process that binds, unbinds and publishes until it is killed: `node exchange-killed-child.fixture.js FOLDER LIFE`.
 *
 * Its lines are those of exchange-killed-oracle.fixture.ts, and `opened` before them. Each is in the pipe before the call is made that it announces.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { PartlyRoutedError } from '../../words/errors.ts'
import { BINDINGS, openHouse, ROUTES, TUNING } from './exchange-killed.fixture.ts'
import { say } from './say.fixture.ts'

const [dir, life] = process.argv.slice(2) as [string, string]
const PUBLISHERS = 12
const BINDERS = 3

const broker = await openBroker({ dir, logger: false, partitionThreads: 1 }, TUNING)
const { exchanges, targetOf } = await openHouse(broker)
let sequence = 0
say('opened')
await Promise.all([
  ...Array.from({ length: PUBLISHERS }, () => publishOn()),
  ...Array.from({ length: BINDERS }, (_, binder) => bindOn(binder)),
])

async function publishOn(): Promise<void> {
  for (;;) {
    const key = `${life}:${sequence++}`
    const route = Math.floor(Math.random() * ROUTES.length)
    const [name, routingKey] = ROUTES[route] as (typeof ROUTES)[number]
    say(`p ${key} ${route}`)
    await exchanges[name].publish(routingKey, { value: { key } }).then(
      ({ targets }) => say(`P ${key} ${targets.join()}`),
      (error: PartlyRoutedError) => {
        const { code, taken = [], refused = [], unknown = [] } = error
        say(`F ${key} ${code} ${[taken, refused, unknown].map(names => names.join()).join(';')}`)
      },
    )
    if (Math.random() < 0.3) await sleep(Math.random() * 3)
  }
}

/** The bindings that are this one's to make and take away. */
async function bindOn(binder: number): Promise<void> {
  const own = [...BINDINGS.keys()].filter(number => number % BINDERS === binder)
  for (;;) {
    const number = own[Math.floor(Math.random() * own.length)] as number
    const binding = BINDINGS[number] as (typeof BINDINGS)[number]
    const exchange = exchanges[binding.exchange]
    if (Math.random() < 0.5) {
      say(`b ${number}`)
      await exchange.bind(targetOf(binding), binding.by)
      say(`B ${number}`)
    } else {
      say(`u ${number}`)
      await exchange.unbind(targetOf(binding), binding.by)
      say(`U ${number}`)
    }
    await sleep(Math.random() * 4)
  }
}
