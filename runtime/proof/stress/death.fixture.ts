/**
 * How a process kills itself: where its partition host stands still, or at once. It says so on standard output, right before.
 *
 * The caller's thread of a process that is started to be killed.
 */
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import type { Broker } from '../../words/broker.ts'
import { say } from './say.fixture.ts'

/** `isThere`: it has come to the point of that name. */
export function die(name: string, isThere: boolean): void {
  say(isThere ? `at ${name}` : `not at ${name}`)
  process.kill(process.pid, 'SIGKILL')
}

export async function dieAtHalt(broker: Broker, name: FaultPoint): Promise<void> {
  const session = sessions.get(broker) as Session
  die(name, await session.ask(control => control.haltPartitionHost(0, FAULT_POINT[name])))
}
