/**
 * A process with a work queue on disk that is killed: `node queue-killed-child.fixture.js FOLDER DURABILITY LIFE POINT`.
 *
 * It sends while the queue has room, and consumes by three consumers of different prefetch: a handler thread that learns it, an observer and a
 * loop. Lines, each by a write that has reached the pipe when it returns:
 *
 * ```
 * opened                         the broker is open, and its consumers are there
 * s SEQUENCE                     before messages below that are sent
 * a SEQUENCE ID OFFSET DUPLICATE a receipt
 * x ID, y ID TAKEN               before a message is taken back, and whether it was
 * p, q COUNT                     before all that waits is taken back, and how much it was
 * t KEY MS                       right before its b: it is begun so long after its time is over, or (negative) before it is due
 * b KEY ID OFFSET ATTEMPT FAILED a consumer begins a message (KEY is LIFE:SEQUENCE)
 * e KEY HOW                      before it settles it: ack, fail, reject, release
 * c KEY HOW FAILED               that settlement is confirmed; failures that are known from then on
 * at POINT, not at POINT         right before it kills itself
 * ```
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { FaultPoint } from '../../wire/layout.ts'
import type { Durability } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { ManualQueueDelivery } from '../../words/queue-delivery.ts'
import type { QueueReceipt } from '../../words/queue-message.ts'
import { pointOf } from './crash-point-of.fixture.ts'
import { die, dieAtHalt } from './death.fixture.ts'
import {
  beginLine,
  conductOf,
  idOf,
  isTakenBack,
  KILLED,
  type KilledConduct,
  type KilledValue,
  keyOf,
  laneOf,
  priorityOf,
  timesOf,
} from './queue-killed.fixture.ts'
import { say } from './say.fixture.ts'

type Consumed = ManualQueueDelivery<KilledValue>

const [dir, durability, life, name] = process.argv.slice(2) as [string, Durability, string, string]
const SENT_TOGETHER = 32
const WINDOW = 30
const LOOP_PREFETCH = 3
/** Before the partition host is asked to stand still: the first pass is not the only one to die in. */
const HALT_MS = 300
/** A message is taken back at once, or after so many ms at most. */
const TAKE_BACK_MS = 20
/** Of so many lives one takes back all that waits, within a time from its start. */
const PURGE_EVERY = 8
const PURGE_MS = 600

async function main(): Promise<void> {
  const { partitionThreads, tuning } = KILLED
  const broker = await openBroker({ dir, logger: false, partitionThreads }, tuning)
  const queue = await broker.queue<KilledValue>(KILLED.name, { ...KILLED.queue, durability })
  const point = name === '-' ? undefined : pointOf(name)
  if (point?.time === 'opening') die(name, false)
  await queue.run({ handler: new URL('./queue-killed-handler.fixture.js', import.meta.url), threads: 1 })
  observe(queue)
  say('opened')
  if (point?.time === 'work' && point.call === undefined)
    void sleep(Math.random() * HALT_MS).then(() => dieAtHalt(broker, point.name as FaultPoint))
  if (Number(life) % PURGE_EVERY === PURGE_EVERY - 1) setTimeout(() => void purge(queue), Math.random() * PURGE_MS)
  await Promise.all([sendAll(queue), consume(queue)])
}

async function purge(queue: Queue<KilledValue>): Promise<void> {
  say('p')
  say(`q ${await queue.purge()}`)
}

async function takeBack(queue: Queue<KilledValue>, id: string): Promise<void> {
  if (Math.random() < 0.5) await sleep(Math.random() * TAKE_BACK_MS)
  say(`x ${id}`)
  say(`y ${id} ${await queue.cancel(id)}`)
}

async function sendAll(queue: Queue<KilledValue>): Promise<void> {
  for (let from = 0; ; from += SENT_TOGETHER) {
    while ((await queue.stats()).ready > KILLED.readyMax) await sleep(2)
    say(`s ${from + SENT_TOGETHER}`)
    await Promise.all(
      Array.from({ length: SENT_TOGETHER }, async (_, n) => {
        const sequence = from + n
        const place = { life: Number(life), sequence }
        const [times, lane] = [timesOf(sequence), laneOf(sequence)]
        const dueAt = times.delayMs === undefined ? 0 : Date.now() + times.delayMs
        const diesAt = times.ttlMs === undefined ? 0 : Date.now() + times.ttlMs
        const value: KilledValue = { ...place, text: 'x'.repeat(sequence % 997), dueAt, diesAt }
        const key = lane === -1 ? null : `lane-${lane}`
        const receipt = await queue.send({ value, key, priority: priorityOf(sequence), id: idOf(place), ...times })
        const { id, offset, duplicate } = receipt as QueueReceipt & { readonly offset: number }
        say(`a ${sequence} ${id} ${offset} ${duplicate}`)
        if (isTakenBack(sequence)) void takeBack(queue, id)
      }),
    )
  }
}

/** What is done with a delivery now; what is released once is not released again. */
function endOf({ value, deliveryAttempt, failedAttempts }: Consumed): 'ack' | 'fail' | 'reject' | 'release' {
  const conduct: KilledConduct = conductOf(value.sequence)
  if (conduct === 'failOnce') return failedAttempts === 0 ? 'fail' : 'ack'
  return conduct === 'release' && deliveryAttempt > 1 ? 'ack' : conduct
}

function settle(delivery: Consumed): void {
  const how = endOf(delivery)
  const key = keyOf(delivery.value)
  say(`e ${key} ${how}`)
  if (how === 'ack') delivery.ack()
  else if (how === 'fail') delivery.nack(new Error('failed on purpose'))
  else if (how === 'reject') delivery.reject(new Error('not wanted'))
  else delivery.release()
  // Not each one is asked about: to be asked brings the sync forward.
  if (delivery.value.sequence % 5 < 2)
    void delivery.confirmed.then(() => say(`c ${key} ${how} ${delivery.failedAttempts + (how === 'fail' ? 1 : 0)}`))
}

/** Has up to a window, and settles each after some ms. */
function observe(queue: Queue<KilledValue>): void {
  queue.observe({ window: WINDOW }).subscribe(delivery => {
    say(beginLine(delivery))
    setTimeout(settle, Math.random() * 8, delivery)
  })
}

/** A loop, in which the next turn acks what is not settled otherwise. */
async function consume(queue: Queue<KilledValue>): Promise<void> {
  for await (const delivery of queue.consume({ prefetch: LOOP_PREFETCH })) {
    say(beginLine(delivery))
    if (delivery.value.sequence % 16 === 1) await sleep(1)
    settle(delivery)
  }
}

await main()
