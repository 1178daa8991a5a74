/**
 * Handlers and consumers of a simulation: they do what each message says, and write down what they saw.
 *
 * A message's script has one letter for each failure it has had; the last one holds from then on:
 *
 *   k  handled               t  throws                 n  its promise is never settled     l  loops for ever
 *   K  handled, later        r  rejects                L  settles when it is overdue       e  ends its thread
 *   b  handled, after a      R  rejects, later         x  RejectError                      o  runs out of memory
 *      long computation                                d  does not decode                  s  an error that nobody catches
 *   S  handled, after its partition or its thread has stood still
 *
 * On the application's own thread, which nobody may end, the last column and `n` become a throw.
 */
import { setTimeout } from '../../../actors/world.ts'
import { defineHandler } from '../../options/define.ts'
import type { Delivery } from '../../words/delivery.ts'
import { MillraceError, RejectError } from '../../words/errors.ts'
import type { Handler, HandlerContext } from '../../words/handler.ts'
import type { HistoryEvent, Place } from '../history/history.ts'
import { offsetsOf, type Runs, runsOf } from './offset-runs.ts'
import { type FaultKind, type GroupPlan, STALL_MS_MAX } from './plan.ts'
import type { Scheduler, SimThread } from './scheduler.ts'

/** The value of every message. */
export interface Value {
  readonly id: string
  readonly script: string
  readonly pad: string
}

interface Consumer {
  readonly name: string
  readonly thread: SimThread
  /** What it has in hand, by offset. */
  readonly open: Map<number, Delivery<Value>>
  /** When it got what it has in hand. */
  readonly since: Map<number, number>
  readonly timeoutMs: number
  /** The offsets that its state has; null: it keeps none. */
  readonly state: Set<number> | null
}

/** What a handler needs to know of whom it handles for. */
export type HandlerPlan = Pick<
  GroupPlan,
  'name' | 'handlerTimeoutMs' | 'output' | 'publishes' | 'concurrency' | 'atMostOnce' | 'snapshots'
>

/** Where whoever stops a group meets what it has under way. */
export type Point = 'verdict' | 'output' | 'snapshot'

/** How often a point is said to be reached. */
const REACHED: { readonly [P in Point]: number } = { verdict: 0.4, output: 0.2, snapshot: 0.5 }

const FAULT_OF: { readonly [letter: string]: FaultKind } = {
  t: 'throw',
  r: 'reject',
  R: 'rejectLater',
  n: 'neverSettle',
  L: 'settleLate',
  x: 'rejectError',
  d: 'decode',
  l: 'loop',
  e: 'exit',
  o: 'outOfMemory',
  s: 'strayError',
  b: 'slowConsumer',
  S: 'stall',
}

export function letterOf({ value, failedAttempts }: Delivery<Value>): string {
  const { script } = value
  return script[Math.min(failedAttempts, script.length - 1)] as string
}

export class Lab {
  readonly scheduler: Scheduler
  readonly events: HistoryEvent[] = []
  readonly seen: Map<FaultKind, number> = new Map()
  readonly #consumers = new Map<SimThread, Consumer[]>()
  /** Threads that were told to end, and may go on for a while. */
  readonly #ending = new Set<SimThread>()
  #names = 0
  #outputs = 0
  /** The delivery that each thread has on its stack. */
  readonly #onStack = new Map<SimThread, Place & { readonly group: string }>()
  /** Everything is read: what threads that go on do now is not followed up. */
  closing = false
  /** Share of `start` calls that fail. */
  startFails = 0
  /** A group that delivers at most once has handed something out in this process. */
  hasClaims = false
  /** Called where a group has something under way, now and then. */
  onPoint: (point: Point, group: string) => void = () => undefined
  /** Called when a group has stood still in a partition, and has gone on by as many records as `recordsAfterStall` said. */
  onWentOn: (group: string) => void = () => undefined
  recordsAfterStall: () => number = () => 0
  readonly #stalled = new Map<string, number>()
  /** The disk of this process is to fail, and may refuse what is put out: that is a failure of its record. */
  refuses = false

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler
  }

  saw(fault: FaultKind): void {
    this.seen.set(fault, (this.seen.get(fault) ?? 0) + 1)
  }

  record(event: HistoryEvent): void {
    if (this.scheduler.over || this.closing) return
    const thread = this.scheduler.current
    if (thread !== null && thread.state !== 'alive') return
    this.events.push(event)
    this.scheduler.trace?.(`${this.scheduler.stamp} ${JSON.stringify(event)}`)
    this.scheduler.mix(event.kind.length * 31 + this.events.length)
  }

  /** The process has ended; `isWhole`: in good order, so that the folder has all that happened. */
  died(how: 'closed' | 'killed' | 'power', isWhole: boolean): void {
    const { now } = this.scheduler
    if (how !== 'closed') this.saw(how === 'killed' ? 'processDeath' : 'powerCut')
    this.#stalled.clear()
    this.events.push({ kind: 'died', how, isWhole, atMs: now })
    this.scheduler.trace?.(`${this.scheduler.stamp} the process has ended: ${how}`)
  }

  /** A consumer's name, new with each takeover. */
  consumer(
    group: string,
    partition: number,
    timeoutMs: number = Number.POSITIVE_INFINITY,
    state: Set<number> | null = null,
  ): Consumer {
    const thread = this.scheduler.current as SimThread
    const name = `${group}/${partition}#${++this.#names}@${thread.id}`
    const consumer: Consumer = { name, thread, open: new Map(), since: new Map(), timeoutMs, state }
    const others = this.#consumers.get(thread)
    if (others === undefined) this.#consumers.set(thread, [consumer])
    else others.push(consumer)
    if (this.#ending.has(thread)) this.#recordEnd(name, {})
    return consumer
  }

  /** A thread is told to end, or has ended. */
  ended(thread: SimThread, unseen: boolean): void {
    // Only what ends by itself is charged for certain: a run that stops in a hurry ends its threads without a charge.
    const byItself = thread.ending !== null && thread.ending.kind !== 'terminated' && thread.state === 'dead'
    const executing = byItself ? this.#onStack.get(thread) : undefined
    this.#onStack.delete(thread)
    const own = { ...(executing === undefined ? {} : { executing }), ...(unseen ? { unseen } : {}) }
    this.#ending.add(thread)
    for (const { name } of this.#consumers.get(thread) ?? []) this.#recordEnd(name, own)
  }

  #recordEnd(consumer: string, own: Pick<Extract<HistoryEvent, { kind: 'ended' }>, 'executing' | 'unseen'>): void {
    this.events.push({ kind: 'ended', consumer, ...own })
    this.scheduler.trace?.(`${this.scheduler.stamp} ${consumer} is to end`)
  }

  delivered(consumer: Consumer, group: string, delivery: Delivery<Value>): void {
    const { topic, partition, offset, key, deliveryAttempt, failedAttempts } = delivery
    this.record({
      kind: 'delivered',
      group,
      consumer: consumer.name,
      topic,
      partition,
      offset,
      id: delivery.value.id,
      key,
      deliveryAttempt,
      failedAttempts,
      atMs: this.scheduler.now,
    })
    const left = this.#stalled.get(`${group}/${partition}`)
    if (left !== undefined) this.#stalled.set(`${group}/${partition}`, left - 1)
    if (left === 0) this.onWentOn(group)
    consumer.open.set(offset, delivery)
    consumer.since.set(offset, this.scheduler.now)
  }

  settled(
    consumer: Consumer,
    group: string,
    delivery: Delivery<Value>,
    how: 'handled' | 'failed' | 'rejected' | 'decode' | 'released',
    mayFail = false,
  ): void {
    const { topic, partition, offset, deliveryAttempt } = delivery
    if (consumer.open.get(offset) === delivery) {
      const sinceMs = this.scheduler.now - (consumer.since.get(offset) as number)
      if (sinceMs >= consumer.timeoutMs - 1) this.overdue(consumer, group, delivery)
      else if (how === 'handled') consumer.state?.add(offset)
      consumer.open.delete(offset)
    }
    const said = {
      topic,
      partition,
      offset,
      deliveryAttempt,
      how,
      atMs: this.scheduler.now,
      ...(mayFail ? { mayFail } : {}),
    }
    this.record({ kind: 'settled', group, consumer: consumer.name, ...said })
  }

  /** The record was in hand for longer than the group allows. */
  overdue(consumer: Consumer, group: string, { topic, partition, offset, deliveryAttempt }: Delivery<Value>): void {
    this.record({ kind: 'overdue', group, consumer: consumer.name, topic, partition, offset, deliveryAttempt })
  }

  /** A group has something under way. */
  reached(point: Point, group: string): void {
    if (this.scheduler.chance.happens(REACHED[point])) this.onPoint(point, group)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => setTimeout(() => resolve(), ms))
  }

  /** The handler of a group. */
  handler(plan: HandlerPlan): Handler<Value, Consumer, string> {
    const { name: group, handlerTimeoutMs } = plan
    const lab = this
    const begin = ({ topic, partition }: HandlerContext, state: Set<number> | null): Consumer | Promise<Consumer> => {
      const consumer = lab.consumer(group, partition, handlerTimeoutMs, state)
      const { chance, current } = lab.scheduler
      if (current?.kind === 'handler' && lab.startFails > 0 && chance.happens(lab.startFails)) {
        lab.saw('startFails')
        throw new Error('start fails')
      }
      const had = state === null ? {} : { state: [...state] }
      lab.record({ kind: 'began', group, topic, partition, consumer: consumer.name, ...had })
      return chance.happens(0.8) ? consumer : lab.#sleep(chance.below(30)).then(() => consumer)
    }
    return defineHandler<Value, Consumer, string>({
      start: context => begin(context, plan.snapshots ? new Set() : null),
      ...(plan.snapshots
        ? {
            snapshot: ({ state }: Consumer) => {
              lab.reached('snapshot', group)
              return runsOf(state as Set<number>)
            },
            restore: (runs: Runs, context: HandlerContext) => {
              lab.saw('restoredState')
              return begin(context, new Set(offsetsOf(runs)))
            },
          }
        : {}),
      message(delivery, consumer, context) {
        if (plan.atMostOnce) lab.hasClaims = true
        lab.delivered(consumer, group, delivery)
        const { current } = lab.scheduler
        const { topic, partition, offset } = delivery
        // One that has stopped goes on to its next access to shared memory: nobody sees what it does.
        if (current?.state === 'alive') lab.#onStack.set(current, { group, topic, partition, offset })
        try {
          const outcome = lab.#act(delivery, consumer, group, handlerTimeoutMs)
          const end = (): unknown => lab.#handled(plan, delivery, consumer, context)
          const result = outcome === undefined ? end() : outcome.then(end)
          if (consumer.open.get(offset) === delivery) lab.whenOverdue(delivery, consumer, group)
          return result
        } finally {
          // A thread that has stopped stands where it stopped.
          if (current?.state === 'alive') lab.#onStack.delete(current)
        }
      },
      stop: consumer => {
        lab.record({ kind: 'stopped', group, consumer: consumer.name })
        return consumer.name
      },
    })
  }

  #handled(plan: HandlerPlan, delivery: Delivery<Value>, consumer: Consumer, context: HandlerContext): unknown {
    if (plan.publishes && this.scheduler.chance.happens(0.5)) {
      const value = this.#output(plan, delivery, consumer)
      return context.publish('out', { key: delivery.key, value }).then(
        () => {
          // Who was to end by then may put it out when nobody reads any more.
          const { current } = this.scheduler
          const outcome = current !== null && this.#ending.has(current) ? 'info' : 'ok'
          this.record({ kind: 'answered', topic: 'out', id: value.id, outcome })
          this.settled(consumer, plan.name, delivery, 'handled')
        },
        (error: unknown) => {
          this.settled(consumer, plan.name, delivery, 'failed')
          throw error
        },
      )
    }
    this.settled(consumer, plan.name, delivery, 'handled', plan.output && this.refuses)
    if (plan.output) this.reached('output', plan.name)
    return plan.output ? this.#output(plan, delivery, consumer) : undefined
  }

  #output({ concurrency }: HandlerPlan, { key, value }: Delivery<Value>, { name }: Consumer): Value {
    const id = `${value.id}>${++this.#outputs}`
    // Of several calls that are pending at a time each goes its own way, but for those of one key.
    const producer = concurrency === 1 ? name : `${name} ${key ?? id}`
    this.record({ kind: 'sent', producer, topic: 'out', id, key })
    return { id, script: 'k', pad: '' }
  }

  #act(delivery: Delivery<Value>, consumer: Consumer, group: string, timeoutMs: number): Promise<void> | undefined {
    const { scheduler } = this
    const thread = scheduler.current as SimThread
    const onMain = thread.kind === 'main'
    let letter = letterOf(delivery)
    if (onMain && 'leosn'.includes(letter)) letter = 't'
    const fault = FAULT_OF[letter]
    if (fault !== undefined) this.saw(fault)
    const fails = (error: Error, how: 'failed' | 'rejected' | 'decode' = 'failed'): Error => {
      this.settled(consumer, group, delivery, how)
      this.reached('verdict', group)
      return error
    }
    switch (letter) {
      case 'k':
        return undefined
      case 'b':
        thread.busyMs += scheduler.chance.between(1, 20)
        return undefined
      case 'S': {
        const ms = scheduler.chance.between(100, STALL_MS_MAX)
        this.#stalled.set(`${group}/${delivery.partition}`, this.recordsAfterStall())
        // What its thread does after it in the same turn has been done by then, so that it stands still before or behind that.
        if (scheduler.chance.happens(0.7)) return this.#sleep(ms)
        thread.busyMs += ms
        return undefined
      }
      case 'K':
        return this.#sleep(scheduler.chance.between(0, 15))
      case 't':
        throw fails(new Error('thrown'))
      case 'r':
        return Promise.reject(fails(new Error('rejected')))
      case 'R':
        return this.#sleep(scheduler.chance.between(1, 20)).then(() => {
          throw fails(new Error('rejected later'))
        })
      case 'x':
        throw fails(new RejectError('refused'), 'rejected')
      case 'd':
        throw fails(new MillraceError('MILL_DECODE', 'does not decode'), 'decode')
      case 'n':
        return new Promise(() => undefined)
      case 'L':
        return this.#sleep(timeoutMs + scheduler.chance.between(-10, 40))
      case 'l':
        scheduler.freeze()
        break
      case 'e':
        scheduler.stop(thread, { kind: 'exit', code: scheduler.chance.below(3) })
        scheduler.check()
        break
      case 'o':
        scheduler.stop(thread, {
          kind: 'error',
          error: Object.assign(new Error('heap limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
        })
        scheduler.check()
        break
      case 's':
        setTimeout(() => {
          throw new Error('nobody catches this')
        }, 1)
        return new Promise(() => undefined)
      default:
        throw new Error(`no letter ${letter}`)
    }
    return undefined
  }

  /** Seen from outside: the group may count it as a failure from when its time is over. */
  whenOverdue(delivery: Delivery<Value>, consumer: Consumer, group: string): void {
    if (consumer.timeoutMs === Number.POSITIVE_INFINITY) return
    setTimeout(() => {
      if (consumer.open.get(delivery.offset) === delivery) this.overdue(consumer, group, delivery)
    }, consumer.timeoutMs - 1)
  }
}
