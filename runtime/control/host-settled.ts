/**
 * Brings what queues have settled to the partition host that owns them now, when a broker is opened with another number of
 * hosts than before.
 *
 * The control thread, before any host is started; host-states.ts does the same for state logs, by the same rules. What is
 * said of a queue in the file of a host that did not own it is out of date, and is replaced. Nothing is removed from the file
 * of who owned it before, so that who dies in between does the same again.
 *
 * Bound: everything that is kept, once in memory.
 */
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { HandedStates } from './host-states.ts'

/** `placeOf`: the place of a queue; null: it is no more. @throws LogFileError, DiskError */
export function handSettledOver(
  { disk, dir, logId, before, now, onCut }: HandedStates,
  placeOf: (topic: number, partition: number) => number | null,
): void {
  const open = (host: number): SettledLog => {
    const log = SettledLog.open(disk, settledPath(dir, host), logId)
    if (log.torn !== null) onCut(log.torn)
    return log
  }
  const isOf = ({ topic, partition }: SettledState, host: number, hosts: number): boolean => {
    const place = placeOf(topic, partition)
    return place !== null && place % hosts === host
  }
  const owned: { readonly state: SettledState; readonly host: number }[] = []
  for (let host = 0; host < before; host++) {
    const log = open(host)
    for (const state of log.states()) if (isOf(state, host, before)) owned.push({ state, host })
    log.close()
  }
  for (let host = 0; host < now; host++) {
    const log = open(host)
    const stays = new Set(owned.filter(each => each.host === host).map(each => keyOf(each.state)))
    for (const state of [...log.states()])
      if (isOf(state, host, now) && !stays.has(keyOf(state))) log.forget(state.topic, [state.partition])
    for (const { state, host: from } of owned) if (from !== host && isOf(state, host, now)) log.adopt(state)
    log.close()
  }
}

function keyOf({ topic, partition }: SettledState): string {
  return `${topic}/${partition}`
}
