/** A publish to several targets that is given up while the host tries its frames. */
import t from 'tap'
import type { QueueMessage } from '../words/queue-message.ts'
import { JointPublish } from './joint-publish.ts'
import type { JointTicket } from './joint-ticket.ts'
import type { JointWriter } from './joint-writer.ts'
import type { RouteOutcome } from './route-outcome.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** One whose frames cannot be changed the first so many times; what it ends with. */
function givenUp(triedFor: number): Promise<string> {
  return new Promise(resolve => {
    let left = triedFor
    const writer = { seal: () => undefined, drain: (then: () => void) => then() } as unknown as JointWriter
    const outcome = {} as unknown as RouteOutcome
    const room = { unsettled: () => undefined, settled: () => undefined } as unknown as WaitingRoom
    const ended = (error: Error | null): void => resolve(String(error?.message))
    const publish = new JointPublish('e', writer, [], outcome, room, { value: 1 } as QueueMessage, {}, ended)
    publish.ticket = { withdraw: () => left-- <= 0 } as unknown as JointTicket
    publish.expire('q is full')
  })
}

t.test('frames that the host tries are looked at again, and then no target has the message', async t => {
  for (const triedFor of [0, 1, 10]) t.match(await givenUp(triedFor), /; q is full; none of them has the message$/)
  t.match(await givenUp(11), /; q is full; either all of them have the message, or none$/)
})
