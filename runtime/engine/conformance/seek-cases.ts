/** Cases about moving a group. The thread that runs the suite. */
import { deepEqual, ok } from 'node:assert/strict'
import type { Capabilities, SeekKind } from '../capabilities.ts'
import type { GroupPort, SeekTarget } from '../engine.ts'
import type { DeliveredRecord } from '../records.ts'
import { record, sorted, THEN_MS, textOf } from './sample-records.ts'
import { type Case, refused, type Trial } from './trial.ts'

const GIVEN = Array.from({ length: 8 }, (_, index) =>
  record(`value-${index}`, null, { timestampMs: THEN_MS + index * 1_000 }),
)

interface Moved {
  readonly group: GroupPort
  /** What the group was handed and settled, but for the last two. */
  readonly taken: readonly DeliveredRecord[]
  /** What comes after the group was moved. */
  after(to: SeekTarget): Promise<string[]>
}

async function toMove(trial: Trial, kind: SeekKind): Promise<Moved> {
  const topic = await trial.topic({ partitions: 1, needs: { seek: [kind] } })
  // Another group keeps the records meanwhile.
  await trial.join(topic.group('other', 'earliest'), 'keeps')
  const group = topic.group('g', 'earliest')
  const member = await trial.join(group, 'keeps')
  await topic.publish(GIVEN)
  await member.has(GIVEN.length)
  const { taken } = member
  await member.settle(taken.slice(0, -2))
  await refused('moving a group that has a member', group.seek(seekTarget(kind, taken)), 'MILL_GROUP_BUSY')
  await member.leave()
  const after = async (to: SeekTarget): Promise<string[]> => {
    await group.seek(to)
    const next = await trial.join(group, 'settles')
    await trial.quiet()
    await topic.publish([record('last')])
    await next.has(1)
    for (let known = 0; known < next.taken.length; await trial.quiet()) known = next.taken.length
    await next.leave()
    return next.values
  }
  return { group, taken, after }
}

function seekTarget(kind: SeekKind, taken: readonly DeliveredRecord[]): SeekTarget {
  const { position, partition } = taken[5] as DeliveredRecord
  if (kind === 'time') return { timeMs: THEN_MS + 2_500 }
  return kind === 'position' ? { position, partition } : kind
}

/** What is to come after the group was moved there. */
const EXPECTED: { readonly [K in SeekKind]: (values: readonly string[]) => readonly string[] } = {
  earliest: values => values,
  latest: () => [],
  time: values => values.slice(3),
  position: values => values.slice(5),
}

function seekCase(kind: SeekKind, name: string): Case {
  return {
    name,
    applies: ({ seek }: Capabilities) => seek.includes(kind),
    async run(trial) {
      const { taken, after } = await toMove(trial, kind)
      const expected = [...EXPECTED[kind](taken.map(textOf)), 'last']
      deepEqual(sorted(await after(seekTarget(kind, taken))), sorted(expected), `after a seek to ${kind}`)
      ok(expected.length > 0)
    },
  }
}

export const SEEK_CASES: readonly Case[] = [
  seekCase('earliest', 'moves a group to the oldest record'),
  seekCase('latest', 'moves a group behind the newest record'),
  seekCase('time', 'moves a group to the first record that is not older than a time'),
  seekCase('position', 'moves a group to a position'),
]
