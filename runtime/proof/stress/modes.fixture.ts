/**
 * One way in which a handler can fail, again and again, in the middle of records that have nothing to do with it.
 *
 * A topic of four partitions and two handler threads; ticks go to all partitions every few milliseconds, and now and then
 * a record that misbehaves goes to the first. Judged: that record is dead-lettered once and for its own reason, every
 * tick is handled, in order, and nobody waits for it longer than the rules say; and all that was recorded, by the rules
 * of runtime/proof/history/. A tick that was handled late was held up; what a thread that only looks at the clock was held up
 * in the same time is the machine's doing, and subtracted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { DeadLetterReason } from '../../words/broker-events.ts'
import type { Delivery } from '../../words/delivery.ts'
import { RejectError } from '../../words/errors.ts'
import type { Topic } from '../../words/topic.ts'
import type { Canary } from './canary.fixture.ts'
import { clockMs, judge, Ledger } from './ledger.fixture.ts'
import { ledgerValue, type ModeHandlerData, type Tick } from './mode-handler.fixture.ts'
import type { Oddity } from './odd-handler.fixture.ts'
import { judgeJournal, judgeUnfinished } from './recorded-history.fixture.ts'
import { Recorder } from './recorder.fixture.ts'
import { within } from './within.fixture.ts'
import { keyNumber } from './witness.fixture.ts'

const HANDLER = new URL('./mode-handler.fixture.js', import.meta.url)
const HANG_MS = 30_000
const PARTITIONS = 4
const TICK_MS = 4
const ATTEMPTS = 2
const TIMEOUT_MS = 150
/** Filling a heap takes a while, and so does a death on a busy machine: no timeout is to come first. */
const PATIENT_MS = 5_000
const JOURNAL_ENTRIES = 1_500_000

interface Mode {
  readonly reason: DeadLetterReason
  readonly failures: number
  readonly handlerTimeoutMs: number
}

const failed = (reason: DeadLetterReason, failures = ATTEMPTS, handlerTimeoutMs = PATIENT_MS): Mode => ({
  reason,
  failures,
  handlerTimeoutMs,
})

export type ModeName =
  | Extract<
      Oddity,
      | 'throw'
      | 'reject'
      | 'rejectError'
      | 'neverSettle'
      | 'spin'
      | 'spinLater'
      | 'native'
      | 'exit'
      | 'exitBadly'
      | 'exitLater'
      | 'strayRejection'
      | 'timerThrow'
      | 'outOfMemory'
    >
  | 'undecodable'

/** What each is dead-lettered as, after how many failures. */
export const MODES: Readonly<Record<ModeName, Mode>> = {
  throw: failed('failed'),
  reject: failed('failed'),
  rejectError: failed('rejected', 1),
  undecodable: failed('decode', 1),
  neverSettle: failed('timeout', ATTEMPTS, TIMEOUT_MS),
  spin: failed('timeout', ATTEMPTS, TIMEOUT_MS),
  spinLater: failed('timeout', ATTEMPTS, TIMEOUT_MS),
  native: failed('timeout', ATTEMPTS, TIMEOUT_MS),
  exit: failed('crashed'),
  exitBadly: failed('crashed'),
  exitLater: failed('crashed'),
  strayRejection: failed('crashed'),
  timerThrow: failed('crashed'),
  outOfMemory: failed('crashed'),
}

export interface ModeReport {
  readonly problems: readonly string[]
  /** The longest time in which a partition on the other thread had ticks and handled none, each time. */
  readonly othersMs: readonly number[]
  /** The same of the other partition on the thread that failed, less the time in which a handler filled the heap. */
  readonly neighboursMs: readonly number[]
  /** From the delivery that failed to the next in its partition, less the timeout. */
  readonly resumedMs: readonly number[]
  /** How long a handler that spins was alive beyond its timeout, as far as that is known. */
  readonly overrunMs: readonly number[]
  readonly ticks: number
  readonly restarts: number
}

class Trial {
  readonly problems: string[] = []
  readonly ledger = new Ledger(PARTITIONS)
  readonly recorder = new Recorder(JOURNAL_ENTRIES)
  readonly data: ModeHandlerData = {
    buffer: this.ledger.buffer,
    journal: this.recorder.journal.buffer,
    partitions: PARTITIONS,
    threads: new Int32Array(new SharedArrayBuffer(PARTITIONS * 4)),
    beats: new Float64Array(new SharedArrayBuffer(8 * 100)),
  }
  readonly log: number[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly dead: Delivery<unknown>[] = []
  readonly othersMs: number[] = []
  readonly neighboursMs: number[] = []
  readonly resumedMs: number[] = []
  readonly overrunMs: number[] = []
  readonly #name: ModeName
  readonly #mode: Mode
  readonly #canary: Canary
  readonly #broker: Broker
  readonly #topic: Topic<Tick>
  #ticking = true
  #publishing: Promise<unknown>[] = []
  ticks = 0
  #ids = 0

  constructor(name: ModeName, canary: Canary, broker: Broker, topic: Topic<Tick>) {
    this.#name = name
    this.#mode = MODES[name]
    this.#canary = canary
    this.#broker = broker
    this.#topic = topic
  }

  /** Publishes ticks until `stopTicking`. */
  async tick(): Promise<void> {
    while (this.#ticking) {
      const at = clockMs()
      this.#publishing = Array.from({ length: PARTITIONS }, (_, partition) => this.#publish(partition, at))
      this.ticks += PARTITIONS
      await sleep(TICK_MS)
    }
    await Promise.all(this.#publishing)
  }

  stopTicking(): void {
    this.#ticking = false
  }

  async #publish(partition: number, value: Tick): Promise<void> {
    const id = ++this.#ids
    this.recorder.sent(id)
    const { offset } = await this.#topic.publish({ partition, key: String(id), value })
    this.recorder.answered(id, 'ok', { partition, offset })
    ;(this.log[partition] as number[])[offset] = ledgerValue(value)
  }

  async #misbehave(): Promise<void> {
    if (this.#name !== 'undecodable') return this.#publish(0, this.#name)
    // Bytes that are no JSON get into a topic of JSON as dead letters of one of bytes, which keep their bytes.
    const raw = await this.#broker.topic<Uint8Array>('raw', { codec: 'bytes', partitions: PARTITIONS })
    const reject = (): never => {
      throw new RejectError('passed on')
    }
    const passer = await raw.group('passer').handle(reject, { deadLetter: 'odd' })
    const id = ++this.#ids
    this.recorder.sent(id, 1, 1)
    await raw.publish({ partition: 0, key: String(id), value: new Uint8Array([123, 255]) })
    await within(HANG_MS, 'idle of the passer', passer.idle())
    await passer.stop()
  }

  /** One record that misbehaves, from its publish until it is a dead letter. */
  async once(): Promise<void> {
    const before = this.dead.length
    const since = clockMs()
    const marks = Array.from({ length: PARTITIONS }, (_, partition) => this.ledger.count(partition))
    const failing = Atomics.load(this.data.threads, 0)
    const neighbours = [1, 2, 3].filter(partition => Atomics.load(this.data.threads, partition) === failing)
    await this.#misbehave()
    for (const until = since + HANG_MS; this.dead.length === before && clockMs() < until; ) await sleep(2)
    if (this.dead.length === before) throw new Error(`${this.#name} was not dead-lettered within ${HANG_MS} ms`)
    await this.#goesOn(clockMs())
    const until = clockMs()
    this.#measure(marks, neighbours, since, until)
  }

  /** Resolves when each partition has handled a tick that was published after `since`. */
  async #goesOn(since: number): Promise<void> {
    const hasTick = (partition: number): boolean => {
      const last = [...this.ledger.entries(partition, Math.max(0, this.ledger.count(partition) - 2))].at(-1)
      return last?.finished === true && last.value > since
    }
    const until = since + HANG_MS
    while (!this.log.every((_, partition) => hasTick(partition))) {
      if (clockMs() > until) throw new Error(`a partition stood still for ${HANG_MS} ms after ${this.#name}`)
      await sleep(2)
    }
  }

  #measure(marks: readonly number[], neighbours: readonly number[], since: number, until: number): void {
    const machineMs = this.#canary.gapMs(since, until)
    const others: number[] = []
    const beside: number[] = []
    for (let partition = 1; partition < PARTITIONS; partition++) {
      const pause = this.#pause(partition, marks[partition] as number)
      ;(neighbours.includes(partition) ? beside : others).push(Math.max(0, pause - machineMs))
    }
    this.othersMs.push(Math.max(0, ...others))
    // How long a handler that fills the heap held the thread before its death: no crash, and below its timeout.
    let filledMs = 0
    let entered = -1
    let attempt = 0
    for (const { offset, value, finished, atMs } of this.ledger.entries(0, marks[0] as number)) {
      if (offset === -1 || finished) continue
      if (entered !== -1) {
        const patience = this.#mode.reason === 'timeout' ? this.#mode.handlerTimeoutMs : 0
        const beat = this.data.beats[++attempt] as number
        // Filling the heap is the handler's own time: it is over when it is last seen alive.
        const since = this.#name === 'outOfMemory' ? beat : entered + patience
        if (this.#name === 'outOfMemory') filledMs = Math.max(filledMs, beat - entered)
        this.resumedMs.push(Math.max(0, atMs - since - machineMs))
        if (this.#name === 'spin') this.overrunMs.push(Math.max(0, beat - entered - patience - machineMs))
      }
      entered = value === -1 ? atMs : -1
    }
    this.neighboursMs.push(Math.max(0, ...beside.map(pause => pause - filledMs)))
  }

  /** The longest time in which the partition had ticks and handled none, among its entries from `mark` on. */
  #pause(partition: number, mark: number): number {
    let longest = 0
    let last = Number.NEGATIVE_INFINITY
    for (const { offset, value, finished, atMs } of this.ledger.entries(partition, mark)) {
      if (offset === -1 || !finished) continue
      // The value is the time of its publish in whole ms, cut to 32 bits.
      const waited = (Math.trunc(atMs) | 0) - value
      longest = Math.max(longest, Math.min(waited, atMs - last))
      last = atMs
    }
    return longest
  }

  /** What is wrong in the end. */
  judge(
    times: number,
    restarts: number,
    stats: { readonly processed: number; readonly deadLettered: number; readonly failures: number },
  ): void {
    const { reason, failures } = this.#mode
    const deadOffsets = new Set(this.dead.map(({ headers }) => Number(headers['millrace-offset'])))
    if (this.dead.length !== times) this.problems.push(`${this.dead.length} dead letters, not ${times}`)
    if (deadOffsets.size !== this.dead.length) this.problems.push('a record was dead-lettered twice')
    for (const { headers } of this.dead) {
      const found = `${headers['millrace-reason']} of partition ${headers['millrace-partition']} after ${headers['millrace-failed-attempts']} failures`
      const wanted = `${reason} of partition 0 after ${failures} failures`
      if (found !== wanted) this.problems.push(`dead-lettered as ${found}, not as ${wanted}`)
    }
    // Where undecodable bytes lie is not told by a receipt.
    if (this.#name === 'undecodable') for (const offset of deadOffsets) (this.log[0] as number[])[offset] = -1
    for (const offset of deadOffsets)
      if (this.log[0]?.[offset] !== -1) this.problems.push(`offset ${offset} was dead-lettered, and is a tick`)
    for (let partition = 0; partition < PARTITIONS; partition++)
      this.problems.push(
        ...judge(this.ledger, partition, this.log[partition] as number[], partition === 0 ? deadOffsets : new Set()),
      )
    const found = JSON.stringify(stats)
    const wanted = JSON.stringify({ processed: this.ticks, deadLettered: times, failures: times * failures })
    if (found !== wanted) this.problems.push(`${found}, not ${wanted}`)
    const attempts = [...this.ledger.entries(0)].filter(
      ({ offset, finished }) => !finished && deadOffsets.has(offset),
    ).length
    // A death beside pending promises of others is charged to none of them, and each is tried again by itself.
    const attemptsMax = Math.max(times * failures, restarts)
    if (this.#name !== 'undecodable' && attempts > attemptsMax)
      this.problems.push(`${attempts} attempts at ${times} records, and ${attemptsMax} are allowed`)
  }

  /** What the rules of runtime/proof/history/ say to all that was recorded; `restarts`: null when it did not come to its end. */
  judgeRecorded(restarts: number | null): void {
    const facts = {
      topic: 'odd',
      group: 'g',
      attempts: ATTEMPTS,
      handlerTimeoutMs: this.#mode.handlerTimeoutMs,
      deadLetterTopic: 'dead',
      keyOf: (id: number) => id,
    }
    const { journal } = this.recorder
    const found =
      restarts === null
        ? judgeUnfinished(journal, facts)
        : judgeJournal(journal, { ...facts, readInFull: true, drained: true }, restarts)
    this.problems.push(...found)
  }
}

/** A handler that fails by `name`, `times` times, in a broker of its own. */
export async function failureMode(name: ModeName, times: number, canary: Canary): Promise<ModeReport> {
  const broker = await openBroker({ logger: false })
  const topic = await broker.topic<Tick>('odd', { partitions: PARTITIONS })
  const trial = new Trial(name, canary, broker, topic)
  let restarts = 0
  try {
    const run = await topic.group('g').run({
      handler: HANDLER,
      threads: 2,
      data: trial.data,
      attempts: ATTEMPTS,
      handlerTimeoutMs: MODES[name].handlerTimeoutMs,
      backoff: { initialMs: 5, maxMs: 5 },
      deadLetter: 'dead',
      resourceLimits: { maxOldGenerationSizeMb: 48 },
      // A crash beside pending promises is charged to none of them at first.
      restart: { intensity: 10 * times, periodMs: 10_000 },
    })
    const dead = await broker.topic('dead', { partitions: PARTITIONS })
    const reading = await dead.group('r').handle(each => {
      trial.dead.push(each)
      trial.recorder.letter(each, keyNumber(each.key))
    })
    const auditing = await topic.group('audit').handle(each => trial.recorder.read(each, keyNumber(each.key)))
    trial.recorder.sample(topic, 'g')
    const ticking = trial.tick()
    await sleep(200)
    for (let time = 0; time < times; time++) await trial.once()
    trial.stopTicking()
    await within(HANG_MS, 'the last tick', ticking)
    await within(HANG_MS, 'idle', Promise.race([run.idle(), run.finished]))
    await within(HANG_MS, 'idle of the reader', reading.idle())
    const { processed, deadLettered, failures, ...stats } = await run.stats()
    ;({ restarts } = stats)
    trial.judge(times, restarts, { processed, deadLettered, failures })
    await within(HANG_MS, 'idle of the audit', auditing.idle())
    await trial.recorder.endSampling()
    await trial.recorder.look(topic, 'g')
    trial.recorder.stopping()
    await within(HANG_MS, 'stop', run.stop())
    await reading.stop()
    await auditing.stop()
    trial.judgeRecorded(restarts)
  } catch (error) {
    trial.problems.push((error as Error).message)
    trial.stopTicking()
    void trial.recorder.endSampling()
    trial.judgeRecorded(null)
  }
  await broker.close({ timeoutMs: 5_000 }).catch((error: Error) => trial.problems.push(error.message))
  const { problems, othersMs, neighboursMs, resumedMs, overrunMs, ticks } = trial
  return { problems, othersMs, neighboursMs, resumedMs, overrunMs, ticks, restarts }
}
