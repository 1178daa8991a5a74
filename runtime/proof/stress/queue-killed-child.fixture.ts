/**
 * A process with a work queue on disk that is killed: `node queue-killed-child.fixture.js FOLDER DURABILITY LIFE POINT LAST`.
 *
 * It sends what has an id among the last messages of the life before again (LAST is `LIFE:SENT`, or `-`). Then it sends while the queue has
 * room, some of it twice, cancels and updates some, and consumes by three consumers of different prefetch: a handler thread that learns it, an observer and a
 * loop. Lines, each by a write that has reached the pipe when it returns:
 *
 * ```
 * opened                         the broker is open, and its consumers are there
 * s SEQUENCE                     before messages below that are sent
 * a KEY NAME, d KEY NAME         a receipt (KEY is LIFE:SEQUENCE, NAME is ID@OFFSET); one that says that the queue had the message
 * b KEY NAME ATTEMPT FAILED      a consumer begins a message
 * w KEY TEXT                     what is wrong with that
 * x KEY                          before it is cancelled
 * y KEY OUTCOME                  what has become of that
 * u KEY                          before it is updated
 * v KEY OUTCOME PRIORITY DUE     what has become of that; its priority, and when it is due from then on, on the wall clock; -1: as before
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
  changeOf,
  conductOf,
  idOf,
  isCancelled,
  KILLED,
  type KilledConduct,
  type KilledValue,
  keyOf,
  nameOf,
  orderKeyOf,
  priorityOf,
  timesOf,
  wrongTime,
} from './queue-killed.fixture.ts'
import { say } from './say.fixture.ts'

type Consumed = ManualQueueDelivery<KilledValue>

const [dir, durability, life, name, last] = process.argv.slice(2) as [string, Durability, string, string, string]
const SENT_TOGETHER = 32
/** Of the life before, so many are sent again. */
const AGAIN = 96
const CANCEL_MS = 12
const WINDOW = 30
const LOOP_PREFETCH = 3
/** Before the partition host is asked to stand still: the first pass is not the only one to die in. */
const HALT_MS = 300

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
  await Promise.all([sendAgain(queue).then(() => sendAll(queue)), consume(queue)])
}

async function sendAll(queue: Queue<KilledValue>): Promise<void> {
  for (let from = 0; ; from += SENT_TOGETHER) {
    while ((await queue.stats()).ready > KILLED.readyMax) await sleep(2)
    say(`s ${from + SENT_TOGETHER}`)
    await Promise.all(
      Array.from({ length: SENT_TOGETHER }, async (_, n) => {
        const sequence = from + n
        const twice = sequence % 12 === 0 ? send(queue, Number(life), sequence) : undefined
        const id = await send(queue, Number(life), sequence)
        if (isCancelled(sequence)) void cancel(queue, sequence, id)
        void update(queue, sequence, id)
        await twice
      }),
    )
  }
}

/** As a sender does that has not seen the receipts. */
async function sendAgain(queue: Queue<KilledValue>): Promise<void> {
  if (last === '-') return
  const [before, sent] = last.split(':').map(Number) as [number, number]
  const sequences = Array.from({ length: Math.min(AGAIN, sent) }, (_, n) => sent - 1 - n)
  const named = sequences.filter(sequence => idOf(before, sequence) !== undefined)
  await Promise.all(named.map(sequence => send(queue, before, sequence)))
}

async function send(queue: Queue<KilledValue>, sentIn: number, sequence: number): Promise<string> {
  const { delayMs = 0, ttlMs = 0 } = timesOf(sequence)
  const now = Date.now()
  const value: KilledValue = {
    life: sentIn,
    sequence,
    text: 'x'.repeat(sequence % 997),
    dueAt: delayMs && now + delayMs,
    expiresAt: ttlMs && now + ttlMs,
  }
  const receipt = await queue.send({
    value,
    id: idOf(sentIn, sequence),
    key: orderKeyOf(sequence),
    priority: priorityOf(sequence),
    ...timesOf(sequence),
  })
  const { id, duplicate, offset } = receipt as QueueReceipt & { readonly offset: number }
  say(`${duplicate ? 'd' : 'a'} ${keyOf(value)} ${nameOf(id, offset)}`)
  return id
}

async function cancel(queue: Queue<KilledValue>, sequence: number, id: string): Promise<void> {
  if (sequence % 2 === 0) await sleep(Math.random() * CANCEL_MS)
  const key = keyOf({ life: Number(life), sequence })
  say(`x ${key}`)
  say(`y ${key} ${await queue.cancel(id)}`)
}

async function update(queue: Queue<KilledValue>, sequence: number, id: string): Promise<void> {
  const key = keyOf({ life: Number(life), sequence })
  const change = changeOf(sequence)
  if (change === null) return
  say(`u ${key}`)
  const now = Date.now()
  const outcome = await queue.update(id, change)
  const [priority, due] = 'priority' in change ? [change.priority, -1] : [-1, now + change.delayMs]
  say(`v ${key} ${outcome} ${priority} ${due}`)
}

function begun({ value, id, offset, deliveryAttempt, failedAttempts }: Consumed): void {
  say(`b ${keyOf(value)} ${nameOf(id, offset)} ${deliveryAttempt} ${failedAttempts}`)
  const wrong = wrongTime(value)
  if (wrong !== undefined) say(`w ${keyOf(value)} ${wrong}`)
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
    begun(delivery)
    setTimeout(settle, Math.random() * 8, delivery)
  })
}

/** A loop, in which the next turn acks what is not settled otherwise. */
async function consume(queue: Queue<KilledValue>): Promise<void> {
  for await (const delivery of queue.consume({ prefetch: LOOP_PREFETCH })) {
    begun(delivery)
    if (delivery.value.sequence % 16 === 1) await sleep(1)
    settle(delivery)
  }
}

await main()
