/** Cases about groups: windows, settlement, hand-outs again, members that share. The thread that runs the suite. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { GroupPort, TopicPort } from '../engine.ts'
import type { DeliveredRecord } from '../records.ts'
import { type Member, until } from './member.ts'
import { record, records, sorted, textOf } from './sample-records.ts'
import { ALWAYS, type Case, refused, type Trial } from './trial.ts'

/** A group whose first member has so many records in hand, and settles none of them by itself. */
async function holding(
  trial: Trial,
  topic: TopicPort,
  count: number,
): Promise<{ readonly group: GroupPort; readonly first: Member }> {
  const group = topic.group('g', 'earliest')
  await topic.publish(records(count))
  const first = await trial.join(group, 'keeps')
  await first.has(count)
  return { group, first }
}

export const GROUP_CASES: readonly Case[] = [
  {
    name: 'hands out no more than the window before something is settled',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.lone()
      await topic.publish(records(40))
      const member = await trial.join(topic.group('g', 'earliest'), 'keeps', 5)
      for (let settled = 0; settled < 35; settled += 2) {
        await member.has(settled + 5)
        if (settled % 10 === 0) await member.hasOnly(settled + 5)
        await member.settle(member.taken.slice(settled, settled + 2))
      }
      await member.has(40)
      ok(member.most <= 5, `${member.most} records were out at a time, with a window of 5`)
    },
  },
  {
    name: 'hands out again what was not settled, and nothing else',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.lone()
      const group = topic.group('g', 'earliest')
      const first = await trial.join(group, 'keeps')
      await topic.publish(records(12))
      await first.hasOnly(12)
      await first.settle(first.taken.slice(0, 5))
      await first.leave()
      const second = await trial.join(group, 'settles')
      await second.hasOnly(7)
      deepEqual(sorted(second.values), sorted(first.values.slice(5)), 'what the first member had and did not settle')
    },
  },
  {
    name: 'settles a record by itself',
    applies: ({ settlement }) => settlement === 'individual',
    async run(trial) {
      const topic = await trial.topic({ partitions: 1, needs: { settlement: 'individual' } })
      const { group, first } = await holding(trial, topic, 12)
      const isOdd = (_: DeliveredRecord, index: number): boolean => index % 2 === 1
      await first.settle(first.taken.filter(isOdd))
      await first.leave()
      const second = await trial.join(group, 'settles')
      await second.hasOnly(6)
      const rest = first.taken.filter((each, index) => !isOdd(each, index))
      deepEqual(sorted(second.values), sorted(rest.map(textOf)), 'each second record was settled, and only those')
    },
  },
  {
    name: 'settles with a record all before it in its partition',
    applies: ({ settlement }) => settlement === 'cumulative',
    async run(trial) {
      const topic = await trial.lone()
      const { group, first } = await holding(trial, topic, 12)
      await first.settle(first.taken.slice(6, 7))
      await first.leave()
      const second = await trial.join(group, 'settles')
      await second.hasOnly(5)
      deepEqual(second.values, first.values.slice(7), 'what came after the settled record')
    },
  },
  {
    name: 'refuses to settle what a member does not have any more',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.lone()
      const { group, first } = await holding(trial, topic, 3)
      await first.leave()
      const second = await trial.join(group, 'keeps')
      await second.has(3)
      await refused('a settlement after leaving', first.settle(first.taken), 'MILL_SETTLED', 'MILL_CLOSED')
      await second.leave()
      const third = await trial.join(group, 'settles')
      await third.hasOnly(3)
    },
  },
  {
    name: 'counts how often a record was handed out',
    applies: ({ redelivered }) => redelivered,
    async run(trial) {
      const topic = await trial.topic({ partitions: 1, needs: { redelivered: true } })
      const group = topic.group('g', 'earliest')
      await topic.publish(records(3))
      for (let before = 0; before < 3; before++) {
        const member = await trial.join(group, 'keeps')
        await member.has(3)
        deepEqual(
          member.taken.map(({ redelivered }) => redelivered),
          [before, before, before],
          `after ${before} hand-outs`,
        )
        await member.leave()
      }
    },
  },
  {
    name: 'gives each group all records',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic({ partitions: trial.several })
      const one = await trial.join(topic.group('one', 'earliest'), 'settles')
      const other = await trial.join(topic.group('other', 'earliest'), 'keeps')
      const given = records(30)
      await topic.publish(given)
      await one.hasOnly(30)
      await other.hasOnly(30)
      deepEqual(sorted(one.values), sorted(given.map(textOf)), 'group one')
      deepEqual(sorted(other.values), sorted(given.map(textOf)), 'the other group')
    },
  },
  {
    name: 'gives a record to one member of a group, and to another when that one leaves',
    applies: ALWAYS,
    async run(trial) {
      const partitions = trial.several
      const topic = await trial.topic({ partitions })
      const group = topic.group('g', 'earliest')
      const stays = await trial.join(group, 'settles')
      const leaves = await trial.join(group, 'settles')
      await trial.quiet()
      const given = (name: string): ReturnType<typeof record>[] =>
        Array.from({ length: 60 }, (_, index) => record(`${name}-${index}`, null, { partition: index % partitions }))
      await topic.publish(given('one'))
      await until(
        trial,
        () => stays.taken.length + leaves.taken.length >= 60,
        () =>
          `two members were to be handed 60 records, and were handed ${stays.taken.length} and ${leaves.taken.length}`,
      )
      await trial.quiet()
      deepEqual(
        sorted([...stays.values, ...leaves.values]),
        sorted(given('one').map(textOf)),
        'each record to one of the two',
      )
      if (partitions > 1) ok(stays.taken.length > 0 && leaves.taken.length > 0, 'each of two members has a partition')
      leaves.keep()
      await topic.publish(given('two'))
      await until(
        trial,
        () => stays.taken.length + leaves.taken.length >= 120,
        () =>
          `two members were to be handed 120 records, and were handed ${stays.taken.length} and ${leaves.taken.length}`,
      )
      await leaves.leave()
      const all = sorted([...given('one'), ...given('two')].map(textOf))
      const settled = [...leaves.values.filter(value => value.startsWith('one'))]
      await until(
        trial,
        () => stays.taken.length + settled.length >= 120,
        () => `what a member left behind did not come to the other one: ${stays.taken.length + settled.length} of 120`,
      )
      await trial.quiet()
      deepEqual(sorted([...stays.values, ...settled]), all, 'what it did not settle, once')
    },
  },
  {
    name: 'tells a member which partition it has lost, and takes no settlement of it',
    applies: ({ partitionsMax }) => partitionsMax > 1,
    async run(trial) {
      const partitions = trial.several
      const topic = await trial.topic({ partitions })
      const group = topic.group('g', 'earliest')
      const first = await trial.join(group, 'keeps')
      await topic.publish(
        Array.from({ length: 12 }, (_, index) => record(`${index}`, null, { partition: index % partitions })),
      )
      await first.has(12)
      const second = await trial.join(group, 'settles')
      const lost = (each: DeliveredRecord): boolean => first.lost.has(each.partition)
      await until(
        trial,
        () => first.lost.size > 0,
        () => 'a member was to be told of a partition that went to another',
      )
      const moved = first.taken.filter(lost)
      await second.hasOnly(moved.length)
      deepEqual(sorted(second.values), sorted(moved.map(textOf)), 'what the first member had of that partition')
      await refused('settling what is another member’s', first.settle(moved), 'MILL_SETTLED')
      await first.settle(first.taken.filter(each => !lost(each)))
    },
  },
  {
    name: 'begins a new group where it is told, and goes on with a known one',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.lone()
      // A group that reads from the beginning keeps what is there.
      const all = await trial.join(topic.group('all', 'earliest'), 'settles')
      await topic.publish(records(5, 'old'))
      const group = topic.group('g', 'latest')
      const first = await trial.join(group, 'settles')
      await first.hasOnly(0)
      await topic.publish(records(5, 'new'))
      await first.hasOnly(5)
      deepEqual(sorted(first.values), sorted(records(5, 'new').map(textOf)), 'what was published since it joined')
      await first.leave()
      await topic.publish(records(5, 'away'))
      const second = await trial.join(group, 'settles')
      await second.hasOnly(5)
      deepEqual(
        sorted(second.values),
        sorted(records(5, 'away').map(textOf)),
        'what was published while nobody was there',
      )
      await all.has(15)
    },
  },
  {
    name: 'says how many records a group has not settled',
    applies: ({ lag }) => lag,
    async run(trial) {
      const topic = await trial.topic({ partitions: 1, needs: { lag: true } })
      const group = topic.group('g', 'earliest')
      const member = await trial.join(group, 'keeps')
      const lags = (expected: number): Promise<void> =>
        until(
          trial,
          async () => (await group.lag()) === expected,
          () => `the group was to lag by ${expected} records`,
        )
      await lags(0)
      await topic.publish(records(10))
      await member.has(10)
      await lags(10)
      await member.settle(member.taken.slice(0, 4))
      await lags(6)
      await member.leave()
      equal(await group.lag(), 6, 'a group without a member lags as before')
    },
  },
  {
    name: 'forgets a group that is deleted, and none that has a member',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.lone()
      // Another group keeps the records meanwhile.
      await trial.join(topic.group('other', 'earliest'), 'keeps')
      const group = topic.group('g', 'earliest')
      const member = await trial.join(group, 'settles')
      await topic.publish(records(4))
      await member.hasOnly(4)
      await refused('deleting a group that has a member', group.delete(), 'MILL_GROUP_BUSY')
      await member.leave()
      await group.delete()
      await group.delete()
      const again = await trial.join(topic.group('g', 'earliest'), 'settles')
      await again.hasOnly(4)
    },
  },
]
