/**
 * A process with schedules that is killed: `node schedule-killed-child.fixture.js FOLDER DURABILITY POINT NTH`.
 *
 * It consumes one of the queues, and says `b SCHEDULE TICK PLACE` before it acks. It kills itself when it has come to POINT for the NTH time:
 *
 * ```
 * decided    a tick is decided, and not kept
 * kept       the decision is kept, and nothing is sent
 * sent       the target has the message, and nothing says so
 * noted      that is written
 * opening    the broker is open, and no target is
 * ```
 *
 * Of any other point it knows nothing: its parent kills it.
 */
import { openBroker, sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Durability } from '../../words/message.ts'
import { die } from './death.fixture.ts'
import { say } from './say.fixture.ts'
import { KILLED_SCHEDULES, KILLED_TUNING, openTargets } from './schedule-killed.fixture.ts'

const [dir, durability, point, nth] = process.argv.slice(2) as [string, Durability, string, string]

let met = 0

function come(to: string): void {
  if (to === point && ++met === Number(nth)) die(point, true)
}

/** Calls of the session come to points before they are made, and when they are answered. */
function watch(session: Session): void {
  const calls = session.calls.bind(session)
  const points: { readonly [call: string]: readonly [before: string, after: string] } = {
    keepProgress: ['decided', 'kept'],
    keepProducer: ['sent', 'noted'],
  }
  session.calls = deadlineMs => {
    const known = calls(deadlineMs)
    return new Proxy(known, {
      get(target, name) {
        const call = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>
        const [before, after] = points[String(name)] ?? []
        if (before === undefined || after === undefined) return call
        return async (...args: unknown[]) => {
          come(before)
          const answer = await call(...args)
          come(after)
          return answer
        }
      },
    })
  }
}

const broker = await openBroker({ dir, logger: false }, KILLED_TUNING)
watch(sessions.get(broker) as Session)
say('opened')
come('opening')
const targets = await openTargets(broker, durability)
for (const { name, when, target, message } of KILLED_SCHEDULES)
  await broker.schedule(name, when, targets[target], message)
// The next turn acks the one before.
for await (const { headers, id } of targets.worked.consume({ prefetch: 4 }))
  say(`b ${headers['millrace-schedule']} ${headers['millrace-tick']} ${id}`)
