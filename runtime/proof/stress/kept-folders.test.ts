/**
 * Folders that brokers of earlier versions left, closed or killed: all that was in them is found, and they go on.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBroker } from '../../api/broker.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { type Finding, verifyStore } from '../../log/folder/verify-store.ts'
import type { Broker } from '../../words/broker.ts'
import type { Topic } from '../../words/topic.ts'
import {
  bytesOf,
  COUNT,
  FAILING,
  folders,
  MOVED_TO,
  PARTITIONS,
  PICKY,
  picky,
  READINGS,
  REJECTED,
  type Reading,
  readingOf,
  SEQUENCE_COUNT,
  SEQUENCES,
  SUMMED,
  sum,
  unpack,
} from './kept-folder.fixture.ts'

const TOPICS = ['accepted', 'readings', 'sequences']
const GROUPS = ['moved', 'once', 'picky', 'sum']
const MORE = 12

function totalOf(upTo: number): { readonly count: number; readonly sum: number } {
  return { count: upTo, sum: (upTo * (upTo - 1)) / 2 }
}

async function recordsAreThere(t: Test, readings: Topic<Reading>, sequences: Topic<Uint8Array>): Promise<void> {
  const found: object[] = []
  for await (const { key, value, headers, timestamp } of readings.replay())
    found[value.number] = { key, value, headers: { ...headers }, timestamp }
  t.strictSame(
    found,
    Array.from({ length: COUNT }, (_, number) => readingOf(number)),
  )
  let number = 0
  for await (const { value } of sequences.replay()) t.strictSame(Uint8Array.from(value), bytesOf(number++))
  t.equal(number, SEQUENCE_COUNT)
}

async function groupsGoOn(t: Test, readings: Topic<Reading>): Promise<void> {
  const ends = (await readings.stats()).partitions.map(({ highWatermark }) => highWatermark)
  t.equal(await readings.group('once').lag(), 0)
  t.strictSame(
    (await readings.group('moved').stats()).partitions.map(({ lag }) => lag),
    ends.map(end => end - MOVED_TO),
  )
  t.equal(await readings.group('sum').lag(), COUNT - SUMMED)
  const run = await readings.group('sum').handle(sum)
  await run.idle()
  const { results } = await run.stop()
  const totals = results as readonly { readonly count: number; readonly sum: number }[]
  t.equal(totals.length, PARTITIONS)
  t.strictSame(
    { count: totals.reduce((all, { count }) => all + count, 0), sum: totals.reduce((all, each) => all + each.sum, 0) },
    totalOf(COUNT),
    'each record is counted once, in two lives',
  )
}

async function lettersAreThere(t: Test, broker: Broker, readings: Topic<Reading>): Promise<void> {
  const letters = broker.deadLetters(readings, { group: 'picky' })
  const found: unknown[][] = []
  for await (const { value, key, reason, error } of letters.browse())
    found.push([(value as Reading).number, key, reason, error?.message])
  t.strictSame(
    found.sort(([a], [b]) => Number(a) - Number(b)),
    REJECTED.map(number => [number, readingOf(number).key, 'rejected', `nobody wants ${number}`]),
  )
  const stats = await readings.group('picky').stats()
  t.equal(stats.deadLettered, REJECTED.length)
  t.equal(stats.deadLetterDepth, REJECTED.length)
  await broker.topic('accepted', { durability: 'fsync' })
  const failedBefore: number[] = []
  const run = await readings.group('picky').handle(
    delivery => {
      if (delivery.value.number !== FAILING) return picky(delivery)
      failedBefore.push(delivery.failedAttempts)
    },
    // What failed waits for the backoff that it was given then, which is over.
    { ...PICKY, backoff: { initialMs: 1, maxMs: 1 }, output: 'accepted' },
  )
  t.match(await letters.replay({}), { replayed: REJECTED.length })
  await run.idle()
  t.strictSame(failedBefore, [1], 'the one that failed comes again, once')
  t.match(await readings.group('picky').stats(), { deadLettered: 2 * REJECTED.length, lag: 0 })
  await run.stop()
}

/** Everything in the topic, as text, sorted: what was replayed out of the dead letters is there twice. */
async function allOf(readings: Topic<Reading>): Promise<string[]> {
  const found: string[] = []
  for await (const { key, value, timestamp } of readings.replay()) found.push(textOf(value.number, key, timestamp))
  return found.sort()
}

function wanted(): string[] {
  const numbers = [...Array.from({ length: COUNT + MORE }, (_, number) => number), ...REJECTED]
  return numbers.map(number => textOf(number, readingOf(number).key, readingOf(number).timestamp)).sort()
}

function textOf(number: number, key: string | null, timestamp: number | undefined): string {
  return `${number} ${key} ${timestamp}`
}

function damageIn(dir: string): Finding[] {
  const { findings, partitions } = verifyStore(new NodeDisk(), dir)
  return [...findings, ...partitions.flatMap(each => each.findings)].filter(({ isDamage }) => isDamage)
}

for (const name of readdirSync(folders()).filter(each => each.endsWith('.json')))
  t.test(`${name}: all that a broker of that version left is there, and the folder goes on`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'millrace-kept-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    unpack(join(folders(), name), dir)
    t.strictSame(damageIn(dir), [])

    const open = async (): Promise<Broker> => {
      const broker = await openBroker({ dir, logger: false })
      t.teardown(() => broker.close().catch(() => undefined))
      return broker
    }
    const first = await open()
    const names = (await first.topics()).map(topic => topic.name)
    t.strictSame(
      names.filter(each => !each.endsWith('.dlq')),
      TOPICS,
    )
    const readings = await first.topic<Reading>('readings', READINGS)
    t.strictSame(
      (await readings.groups()).map(group => group.name),
      GROUPS,
    )
    await recordsAreThere(t, readings, await first.topic<Uint8Array>('sequences', SEQUENCES))
    await groupsGoOn(t, readings)
    await lettersAreThere(t, first, readings)
    const producer = await first.producer('file', readings)
    t.equal(producer.next, COUNT)
    await producer.publishBatch(Array.from({ length: MORE }, (_, at) => readingOf(COUNT + at)))
    await first.close()

    const second = await open()
    const again = await second.topic<Reading>('readings', READINGS)
    t.equal(await again.group('sum').lag(), REJECTED.length + MORE)
    t.equal((await second.producer('file', again)).next, COUNT + MORE)
    // What it wrote and what this version has added lie in one log.
    t.strictSame(await allOf(again), wanted())
    await second.close()
    t.strictSame(damageIn(dir), [])
  })
