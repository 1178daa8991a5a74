/**
 * A process with a work queue on disk that is killed: `node queue-killed-child.fixture.js FOLDER DURABILITY LIFE POINT`.
 *
 * It sends while the queue has room, and consumes by three consumers of different prefetch: a handler thread that learns it, an observer and a
 * loop. Lines, each by a write that has reached the pipe when it returns:
 *
 * ```
 * opened                         the broker is open, and its consumers are there
 * s SEQUENCE                     before messages below that are sent
 * a SEQUENCE ID                  a receipt
 * b KEY ID ATTEMPT FAILED        a consumer begins a message (KEY is LIFE:SEQUENCE)
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
import { pointOf } from './crash-point-of.fixture.ts'
import { die, dieAtHalt } from './death.fixture.ts'
import {
  conductOf,
  isEarly,
  KILLED,
  type KilledConduct,
  type KilledValue,
  keyOf,
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
  await Promise.all([sendAll(queue), consume(queue)])
}

async function sendAll(queue: Queue<KilledValue>): Promise<void> {
  for (let from = 0; ; from += SENT_TOGETHER) {
    while ((await queue.stats()).ready > KILLED.readyMax) await sleep(2)
    say(`s ${from + SENT_TOGETHER}`)
    await Promise.all(
      Array.from({ length: SENT_TOGETHER }, async (_, n) => {
        const sequence = from + n
        const times = timesOf(sequence)
        const dueAt = times.delayMs === undefined ? 0 : Date.now() + times.delayMs
        const value: KilledValue = { life: Number(life), sequence, text: 'x'.repeat(sequence % 997), dueAt }
        const { id } = await queue.send({ value, priority: priorityOf(sequence), ...times })
        say(`a ${sequence} ${id}`)
      }),
    )
  }
}

function begun({ value, id, deliveryAttempt, failedAttempts }: Consumed): void {
  if (isEarly(value)) throw new Error(`${keyOf(value)} came ${value.dueAt - Date.now()} ms before it was due`)
  say(`b ${keyOf(value)} ${id} ${deliveryAttempt} ${failedAttempts}`)
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
