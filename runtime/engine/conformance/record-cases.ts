/** Cases about records: that they come back as they were, all of them, once, in order. The thread that runs the suite. */
import { deepEqual, equal } from 'node:assert/strict'
import type { EncodedRecord } from '../records.ts'
import { bytes, content, inPartition, keyOf, record, records, sorted, THEN_MS, textOf } from './sample-records.ts'
import { ALWAYS, type Case, refused } from './trial.ts'

const KEYS = 7

export const RECORD_CASES: readonly Case[] = [
  {
    name: 'gives back each byte of key, value and headers, and the timestamp',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic()
      const all = Uint8Array.from({ length: 256 }, (_, index) => index)
      const common = { headers: [], timestampMs: THEN_MS, partition: null }
      const given: EncodedRecord[] = [
        { ...common, key: null, value: null },
        { ...common, key: new Uint8Array(0), value: new Uint8Array(0) },
        { ...common, key: all, value: all, timestampMs: 0 },
        {
          ...common,
          key: bytes('key'),
          value: bytes('é 😀'),
          headers: [['trace', all] as const, ['empty', bytes('')] as const],
        },
      ]
      const positions = await topic.publish(given)
      equal(new Set(positions).size, given.length, 'each record has a position of its own')
      const member = await trial.join(topic.group('g', 'earliest'), 'settles')
      await member.hasOnly(given.length)
      for (const [index, each] of given.entries()) {
        const found = member.taken.filter(({ position }) => position === positions[index])
        equal(found.length, 1, `record ${index} comes with the position that publish gave for it`)
        deepEqual(content(found[0] as EncodedRecord), content(each), `record ${index}`)
      }
    },
  },
  {
    name: 'takes bytes as they are when publish is called, and hands out bytes of their own',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic()
      const reused = record('before', 'key')
      const publishing = topic.publish([reused])
      reused.value?.fill(0)
      reused.key?.fill(0)
      await publishing
      const first = await trial.join(topic.group('g', 'earliest'), 'keeps')
      await first.has(1)
      deepEqual(first.taken.map(textOf), ['before'], 'the value is that of the call')
      deepEqual(first.taken.map(keyOf), ['key'], 'the key is that of the call')
      first.taken[0]?.value?.fill(0)
      await first.leave()
      const second = await trial.join(topic.group('g', 'earliest'), 'settles')
      await second.has(1)
      deepEqual(second.values, ['before'], 'who comes next does not see what a member did to its bytes')
    },
  },
  {
    name: 'neither loses nor doubles a record',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic({ partitions: trial.several })
      const group = topic.group('g', 'earliest')
      const member = await trial.join(group, 'settles')
      const batches = Array.from({ length: 6 }, (_, batch) => records(100, `batch-${batch}`, `key-${batch}`))
      const positions = await Promise.all(batches.map(batch => topic.publish(batch)))
      for (const [index, batch] of batches.entries())
        equal(positions[index]?.length, batch.length, 'a position for each record of a batch')
      await member.hasOnly(600)
      deepEqual(sorted(member.values), sorted(batches.flat().map(textOf)), 'each record once')
      deepEqual(sorted(member.taken.map(({ position }) => position)), sorted(positions.flat()), 'at its own position')
      await member.leave()
      const next = await trial.join(group, 'settles')
      await next.hasOnly(0)
    },
  },
  {
    name: 'keeps the records of a key in order',
    applies: ({ order }) => order === 'key',
    async run(trial) {
      const topic = await trial.topic({ partitions: trial.several, needs: { order: 'key' } })
      const member = await trial.join(topic.group('g', 'earliest'), 'settles')
      const all = Array.from({ length: 700 }, (_, index) => record(`${index}`, `key-${index % KEYS}`))
      const publishing: Promise<unknown>[] = []
      for (let at = 0; at < all.length; at += 25) publishing.push(topic.publish(all.slice(at, at + 25)))
      await Promise.all(publishing)
      await member.has(all.length)
      for (let key = 0; key < KEYS; key++) {
        const taken = member.taken.filter(each => keyOf(each) === `key-${key}`)
        deepEqual(
          taken.map(textOf),
          Array.from({ length: 100 }, (_, turn) => `${turn * KEYS + key}`),
          `the records of key-${key} in the order in which they were published`,
        )
        equal(new Set(taken.map(({ partition }) => partition)).size, 1, `the records of key-${key} in one partition`)
      }
    },
  },
  {
    name: 'publishes to the partition that a record names',
    applies: ({ partitionsMax }) => partitionsMax > 1,
    async run(trial) {
      const partitions = trial.several
      const topic = await trial.topic({ partitions })
      const group = topic.group('g', 'earliest')
      const member = await trial.join(group, 'settles')
      const given = Array.from({ length: 30 }, (_, index) =>
        record(`${index}`, 'key', { partition: index % partitions }),
      )
      await refused(
        'a partition that there is none of',
        topic.publish([record('far', null, { partition: partitions })]),
        'MILL_OUT_OF_RANGE',
      )
      await topic.publish(given)
      await member.hasOnly(given.length)
      for (let partition = 0; partition < partitions; partition++) {
        const expected = given.filter(each => each.partition === partition).map(textOf)
        deepEqual(sorted(inPartition(member.taken, partition).map(textOf)), sorted(expected), `partition ${partition}`)
      }
    },
  },
  {
    name: 'refuses a record that is too large, and the rest of its batch with it',
    applies: ALWAYS,
    async run(trial) {
      const max = Math.min(4_096, trial.supports.messageBytesMax)
      const topic = await trial.topic({ messageBytesMax: max })
      const sized = (length: number): EncodedRecord => record('x'.repeat(length))
      await refused('a record of one byte too many', topic.publish([sized(1), sized(max + 1)]), 'MILL_TOO_LARGE')
      await topic.publish([sized(max)])
      const member = await trial.join(topic.group('g', 'earliest'), 'settles')
      await member.hasOnly(1)
      equal(member.taken[0]?.value?.length, max, 'only the largest record that is allowed was appended')
    },
  },
  {
    name: 'has answered all that was published when flush resolves',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic({ partitions: trial.several })
      let answered = 0
      for (let batch = 0; batch < 50; batch++) {
        const counted = (): unknown => answered++
        topic.publish(records(4)).then(counted, () => undefined)
      }
      await topic.flush()
      await Promise.resolve()
      equal(answered, 50, 'each publish before the flush has its answer')
      await topic.flush()
    },
  },
  {
    name: 'publishes nothing when its signal was aborted',
    applies: ALWAYS,
    async run(trial) {
      const topic = await trial.topic()
      await refused('a publish whose signal is aborted', topic.publish(records(3), AbortSignal.abort()), 'MILL_ABORTED')
      const member = await trial.join(topic.group('g', 'earliest'), 'settles')
      await member.hasOnly(0)
    },
  },
]
