/** Cases about topics and the engine itself: what it claims, refuses, keeps and forgets. The thread that runs the suite. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Durability } from '../../words/message.ts'
import type { Capabilities, SeekKind, WantedTopic } from '../capabilities.ts'
import { openTopic } from '../engine.ts'
import { until } from './member.ts'
import { record, records, sorted, textOf } from './sample-records.ts'
import { ALWAYS, type Case, refused, type Trial } from './trial.ts'

const CLOSE_MS = 10_000
const SEEKS: readonly SeekKind[] = ['earliest', 'latest', 'time', 'position']
const LEVELS: readonly Durability[] = ['memory', 'os', 'fsync']

/** One thing to ask for, of each kind that an engine does not claim. */
function unclaimed(supports: Capabilities): WantedTopic[] {
  const { order, settlement, durability, partitionsMax, messageBytesMax, seek, retention, lag, redelivered } = supports
  const wanted: (WantedTopic | null)[] = [
    { partitions: partitionsMax + 1 },
    { messageBytesMax: messageBytesMax + 1 },
    order === 'key' ? null : { needs: { order: 'key' } },
    settlement === 'individual' ? null : { needs: { settlement: 'individual' } },
    lag ? null : { needs: { lag: true } },
    redelivered ? null : { needs: { redelivered: true } },
    retention.includes('time') ? null : { retentionMs: 3_600_000 },
    retention.includes('bytes') ? null : { retentionBytes: 1 << 30 },
    ...LEVELS.filter(level => !durability.includes(level)).map(level => ({ durability: level })),
    ...SEEKS.filter(kind => !seek.includes(kind)).map(kind => ({ needs: { seek: [kind] } })),
  ]
  return wanted.filter(each => each !== null)
}

/** Durabilities that a close, and a process, end without. */
function lasting({ durability }: Capabilities): Durability[] {
  return durability.filter(level => level !== 'memory')
}

async function keepsOverClose(trial: Trial, durability: Durability): Promise<void> {
  const store = trial.newStore()
  const name = trial.newName()
  const before = await trial.own(store)
  const topic = await openTopic(before, name, { partitions: 1, durability })
  const positions = await topic.publish(records(20))
  const first = await trial.join(topic.group('g', 'earliest'), 'keeps')
  await first.has(20)
  await first.settle(first.taken.slice(0, 8))
  await first.leave()
  await before.close(CLOSE_MS)
  const after = await trial.own(store)
  const again = await openTopic(after, name)
  equal((await again.stats()).durability, durability, 'the topic is as durable as before')
  const second = await trial.join(again.group('g', 'earliest'), 'settles')
  await second.hasOnly(12)
  deepEqual(
    sorted(second.values),
    sorted(first.values.slice(8)),
    `at '${durability}', what was not settled before the close`,
  )
  for (const { position } of second.taken) ok(positions.includes(position), 'a record keeps its position')
}

export const TOPIC_CASES: readonly Case[] = [
  {
    name: 'claims what it was said to support, as plain data',
    applies: ALWAYS,
    async run(trial) {
      const { name, capabilities } = await trial.engine()
      ok(name.length > 0, 'it has a name')
      deepEqual(structuredClone(capabilities), trial.supports, 'its capabilities are those of `supports`')
      ok(capabilities.durability.length > 0 && capabilities.partitionsMax >= 1 && capabilities.messageBytesMax >= 1)
    },
  },
  {
    name: 'refuses what it does not claim when the topic is opened',
    applies: ALWAYS,
    async run(trial) {
      const engine = await trial.engine()
      for (const wanted of unclaimed(trial.supports))
        await refused(JSON.stringify(wanted), openTopic(engine, trial.newName(), wanted), 'MILL_UNSUPPORTED')
      const group = (await trial.lone()).group('g', 'earliest')
      for (const kind of SEEKS.filter(each => !trial.supports.seek.includes(each))) {
        const to = kind === 'time' ? { timeMs: 0 } : kind === 'position' ? { position: '0', partition: 0 } : kind
        await refused(`a seek to ${kind}`, group.seek(to), 'MILL_UNSUPPORTED')
      }
      if (!trial.supports.lag) await refused('the lag of a group', group.lag(), 'MILL_UNSUPPORTED')
    },
  },
  {
    name: 'gives a topic what it was opened with, and keeps it',
    applies: ALWAYS,
    async run(trial) {
      const engine = await trial.engine()
      const { retention, partitionsMax } = trial.supports
      for (const durability of trial.supports.durability) {
        const name = trial.newName()
        const partitions = trial.several
        const kept = durability !== 'memory'
        const retentionMs = kept && retention.includes('time') ? 3_600_000 : undefined
        const retentionBytes = kept && retention.includes('bytes') ? 1 << 30 : undefined
        const wanted = { partitions, durability, messageBytesMax: 1_024, retentionMs, retentionBytes }
        const made = await (await openTopic(engine, name, wanted)).stats()
        equal(made.partitions, partitions, 'partitions')
        equal(made.durability, durability, 'durability')
        ok(made.messageBytesMax >= 1_024, 'room for messages as large as was asked')
        if (retentionMs !== undefined) equal(made.retentionMs, retentionMs, 'retention by time')
        if (retentionBytes !== undefined) equal(made.retentionBytes, retentionBytes, 'retention by bytes')
        deepEqual(await (await openTopic(engine, name)).stats(), made, 'opened again without a word it is the same')
        if (partitionsMax > 1)
          await refused(
            'another number of partitions',
            openTopic(engine, name, { partitions: partitions - 1 }),
            'MILL_CONFIG_MISMATCH',
          )
      }
    },
  },
  {
    name: 'lists its topics with their groups',
    applies: ALWAYS,
    async run(trial) {
      const engine = await trial.engine()
      const topic = await trial.topic({ partitions: trial.several })
      for (const name of ['b', 'a']) await trial.join(topic.group(name, 'earliest'), 'settles')
      const listed = await engine.inspect()
      const found = listed.filter(({ name }) => name === topic.name)
      deepEqual(found, [{ name: topic.name, partitions: trial.several }], 'the topic')
      deepEqual(await topic.groups(), ['a', 'b'], 'its groups, sorted')
      const names = listed.map(({ name }) => name)
      deepEqual(names, sorted(names), 'sorted by name')
    },
  },
  {
    name: 'deletes a topic for good, and none that is read',
    applies: ALWAYS,
    async run(trial) {
      const engine = await trial.engine()
      const topic = await trial.lone()
      const member = await trial.join(topic.group('g', 'earliest'), 'settles')
      await topic.publish(records(3))
      await member.has(3)
      await refused('deleting a topic whose group has a member', topic.delete(), 'MILL_GROUP_BUSY')
      await member.leave()
      await topic.delete()
      await topic.delete()
      await refused('publishing to a deleted topic', topic.publish(records(1)), 'MILL_TOPIC_DELETED')
      ok(!(await engine.inspect()).some(({ name }) => name === topic.name), 'it is not listed any more')
      const anew = await openTopic(engine, topic.name, { partitions: 1 })
      const next = await trial.join(anew.group('g', 'earliest'), 'settles')
      await anew.publish([record('new')])
      await next.hasOnly(1)
      deepEqual(next.taken.map(textOf), ['new'], 'a topic made later under its name is another one')
    },
  },
  {
    name: 'keeps records and settlements over a close',
    applies: supports => lasting(supports).length > 0,
    async run(trial) {
      for (const durability of lasting(trial.supports)) await keepsOverClose(trial, durability)
    },
  },
  {
    name: 'publishes what it took before it closes, and takes nothing after',
    applies: ALWAYS,
    async run(trial) {
      const engine = await trial.own(trial.newStore())
      const topic = await openTopic(engine, trial.newName())
      const member = await trial.join(topic.group('g', 'earliest'), 'keeps')
      const last = topic.publish(records(5))
      await engine.close(CLOSE_MS)
      equal((await last).length, 5, 'what was on its way when it closed has its answer')
      await engine.close(CLOSE_MS)
      await refused('opening a topic', openTopic(engine, trial.newName()), 'MILL_CLOSED')
      await refused('publishing', topic.publish(records(1)), 'MILL_CLOSED')
      await until(
        trial,
        () => member.failure !== null,
        () => 'a member was to be told that the engine is closed',
      )
    },
  },
]
