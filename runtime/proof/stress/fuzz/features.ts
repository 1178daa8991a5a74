/** What occurred in a program, by its history: so that nobody takes for tested what never was. Pure. */
import type { FuzzEvent } from './events.ts'

/** Each occurs in some programs of 200. */
export const EXPECTED: readonly string[] = [
  'memory',
  'disk',
  'several lives',
  'durability os',
  'durability fsync',
  'publish',
  'publish MILL_ABORTED',
  'publish MILL_FULL',
  'publish MILL_TIMEOUT',
  'publishBatch',
  'publishBatch MILL_UNPUBLISHED',
  'a batch in part unknown',
  'a batch in part unpublished',
  'tryPublish',
  'tryPublish refused',
  'flush',
  'addPartitions',
  'named publishBatch',
  'main thread stalls',
  'join handle',
  'join keyed',
  'join batch',
  'join run',
  'join runBatch',
  'join consume',
  'join observe',
  'join settle',
  'plain group',
  'snapshot group',
  'atMostOnce group',
  'order key',
  'order none',
  'output',
  'rebalance',
  'pause',
  'resume',
  'stop',
  'stop MILL_TIMEOUT',
  'abort run',
  'handler stops its run',
  'loop left',
  'idle',
  'release',
  'failure',
  'rejection',
  'lost delivery',
  'hostile throw',
  'hostile return',
  'batch settles one',
  'stall',
  'restored state',
  'letter',
  'browse',
  'replay',
  'repair',
  'purge',
  'seek earliest',
  'seek latest',
  'seek middle',
  'seek date',
]
export const EXPECTED_OF_KILLS: readonly string[] = [
  'kill',
  'kill after a stall',
  'passed over',
  'named producer goes on',
]

export function featuresOf(events: readonly FuzzEvent[]): Set<string> {
  const found = new Set<string>()
  const owners = new Map<string, string>()
  let hasStalled = false
  for (const event of events) {
    if (event.e === 'returned') {
      found.add(event.what)
      if (event.code !== 'ok') found.add(`${event.what} ${event.code}`)
    } else if (event.e === 'did') {
      found.add(event.what)
      hasStalled ||= event.what === 'stall'
    } else if (event.e === 'life') {
      found.add(event.dir ? 'disk' : 'memory')
      if (event.life > 0) found.add('several lives')
    } else if (event.e === 'joined') found.add(`join ${event.kind}`)
    else if (event.e === 'topic') found.add(`durability ${event.durability}`)
    else if (event.e === 'group') {
      found.add(`${event.style} group`)
      found.add(`order ${event.order}`)
      if (event.output !== null) found.add('output')
    } else if (event.e === 'hand') {
      const partition = `${event.group}/${event.partition}`
      if ((owners.get(partition) ?? event.member) !== event.member) found.add('rebalance')
      owners.set(partition, event.member)
    } else if (event.e === 'done') {
      if (event.how === 'failed') found.add('failure')
      else if (event.how === 'rejected') found.add('rejection')
      else if (event.how === 'late') found.add('lost delivery')
    } else if (event.e === 'answer' && event.is === 'refused') found.add('tryPublish refused')
    else if (event.e === 'lists') {
      if (event.unknown.length > 0) found.add('a batch in part unknown')
      if (event.unpublished.length > 0) found.add('a batch in part unpublished')
    } else if (event.e === 'state' && event.at === 'restored') found.add('restored state')
    else if (event.e === 'letter') found.add('letter')
    else if (event.e === 'passedOver') found.add('passed over')
    else if (event.e === 'named' && event.next > 0) found.add('named producer goes on')
    else if (event.e === 'killed') {
      found.add('kill')
      if (hasStalled) found.add('kill after a stall')
    }
  }
  return found
}
