/**
 * Stresses a window: a writer and three readers, killed at random, and detached when they are too slow.
 *
 * Main thread, which is the keeper of the gates. A dead reader's successor gets the gate at the same position; the
 * successor of a detached one gets a gate at the end. A dead writer's successor reports the gates that it finds.
 * Unknown gates are ended, or given to the readers for which they were opened.
 */
import { Doorbell } from '../doorbell.ts'
import { BELL_BYTES, GATE_BYTES, LINE_BYTES, WINDOW_BANK_BYTES, WINDOW_BANKS, windowBytes } from '../layout.ts'
import { Memory } from '../memory.ts'
import { GateKeeper, type GateTicket } from '../window-gates.ts'
import { Random, RECORD_BYTES_MAX } from './checked-record.ts'
import { LEDGER_BYTES, Ledger } from './ledger.ts'
import { live, sleepMs } from './lives.ts'
import { StallWatch } from './stall-watch.ts'
import { StressedThread } from './thread.ts'
import type { GateRequest, WindowPlace, WindowSideData, WindowSideMessage } from './window-side.ts'

export interface WindowStressReport {
  readonly records: number
  readonly kills: { readonly writer: number; readonly readers: number }
  readonly detached: number
  /** Records that came again after a reader's death, and that a detached one missed. */
  readonly repeated: number
  readonly missed: number
  /** While all threads ran; and how long a thread took to begin. */
  readonly longestStallMs: number
  readonly longestStartMs: number
  readonly faults: readonly string[]
}

const READERS = 3
const LOOK_MS = 20
/** A reader that stands still for so long while the writer waits for it is detached. */
const SLOW_MS = 100
const END_MS = 10_000

interface Reader {
  readonly index: number
  ticket: GateTicket | null
  /** Asked for and not yet answered. */
  request: GateRequest | null
  thread: StressedThread<WindowSideMessage> | null
  ended: boolean
  /** Last seen position, and the time since. */
  position: number
  stillMs: number
}

export class StressedWindow {
  readonly #memory: Memory
  readonly #place: WindowPlace
  readonly #keeper: GateKeeper
  readonly #random: Random
  readonly #readers: Reader[]
  readonly #faults: string[] = []
  readonly #done: number[] = []
  #writer: StressedThread<WindowSideMessage>
  #writerDone = -1
  /** Whether the writer has said which gates it found: only then is it asked for others. */
  #writerOpen = false
  #stopping = false
  #kills = { writer: 0, readers: 0 }
  #detached = 0
  #repeated = 0
  #missed = 0
  #startMs = 0

  constructor(capacity: number, start: number) {
    let address = 0
    const take = (bytes: number): number => {
      const at = address
      address += Math.ceil(bytes / LINE_BYTES) * LINE_BYTES
      return at
    }
    const [stop, requests, writerBell, writerLedger] = [take(4), take(4), take(BELL_BYTES), take(LEDGER_BYTES)]
    take(READERS * (BELL_BYTES + LEDGER_BYTES))
    const gates = take((READERS + 1) * GATE_BYTES)
    const scratch = take((READERS + 1) * (RECORD_BYTES_MAX + LINE_BYTES))
    const window = take(windowBytes(capacity))
    this.#memory = Memory.allocate(address)
    this.#place = {
      memory: this.#memory.handle,
      stop,
      requests,
      writerBell,
      writerLedger,
      gates,
      gateCount: READERS + 1,
      scratch,
      window,
      capacity,
    }
    for (const bank of [0, 1])
      for (const word of [0, 1])
        this.#memory.i32[((window + WINDOW_BANKS + bank * WINDOW_BANK_BYTES) >> 2) + word] = start
    this.#keeper = new GateKeeper(this.#memory)
    this.#random = new Random(capacity)
    this.#readers = Array.from({ length: READERS }, (_, index) => ({
      index,
      ticket: null,
      request: { reader: index, dead: null },
      thread: null,
      ended: false,
      position: 0,
      stillMs: 0,
    }))
    this.#writer = this.#beginWriter()
  }

  #bellOf(reader: number): number {
    return this.#place.writerLedger + LEDGER_BYTES + reader * (BELL_BYTES + LEDGER_BYTES)
  }

  #ledgerOf(reader: number): number {
    return this.#bellOf(reader) + BELL_BYTES
  }

  #wakeAll(): void {
    for (const address of [this.#place.writerBell, ...this.#readers.map(({ index }) => this.#bellOf(index))])
      new Doorbell(this.#memory, address).wake()
  }

  #begin(
    reader: WindowSideData['reader'],
    onMessage: (message: WindowSideMessage) => void,
  ): StressedThread<WindowSideMessage> {
    const data: WindowSideData = {
      place: this.#place,
      seed: this.#random.word(),
      reader,
      readerBells: this.#readers.map(({ index }) => this.#bellOf(index)),
    }
    const onFault = (fault: string): void => void this.#faults.push(fault)
    return new StressedThread(new URL('./window-side.js', import.meta.url), data, onMessage, onFault)
  }

  #beginWriter(): StressedThread<WindowSideMessage> {
    this.#writerOpen = false
    const writer = this.#begin(null, message => {
      if (this.#writer !== writer) return
      if (message.kind === 'open') this.#writerOpened(message.tickets)
      else if (message.kind === 'ticket') this.#gateOpened(message.reader, message.ticket, message.next)
      else if (message.kind === 'done') this.#writerDone = message.next
    })
    return writer
  }

  /** A writer is there: unknown gates are settled, and the requests to its predecessor are repeated. */
  #writerOpened(tickets: readonly GateTicket[]): void {
    for (const ticket of tickets) {
      const known = this.#readers.some(({ ticket: one }) => one?.address === ticket.address && one.term === ticket.term)
      if (known) continue
      const meant = this.#readers.find(({ request }) => request?.dead?.address === ticket.address)
      if (meant !== undefined) this.#gateOpened(meant.index, ticket, 0)
      else {
        this.#keeper.end(ticket)
        this.#keeper.exited(ticket)
      }
    }
    this.#writerOpen = true
    for (const { request } of this.#readers) if (request !== null) this.#ask(request)
  }

  #ask(request: GateRequest): void {
    const reader = this.#readers[request.reader] as Reader
    reader.request = request
    if (!this.#writerOpen) return
    this.#writer.post(request)
    this.#memory.store(this.#place.requests, this.#memory.load(this.#place.requests) + 1)
    new Doorbell(this.#memory, this.#place.writerBell).ring()
  }

  /** A reader's gate is open; for a newcomer `next` is the number that it starts at. */
  #gateOpened(index: number, ticket: GateTicket | null, next: number): void {
    const reader = this.#readers[index] as Reader
    if (ticket === null || reader.request === null) {
      this.#faults.push(`reader ${index} was given ${JSON.stringify(ticket)} for ${JSON.stringify(reader.request)}`)
      return
    }
    const ledger = new Ledger(this.#memory, this.#ledgerOf(index))
    if (reader.request.dead === null) {
      if (next < ledger.seen) this.#faults.push(`reader ${index} starts at ${next} and has seen ${ledger.seen}`)
      this.#missed += next - ledger.seen
      ledger.reset(this.#keeper.position(ticket), next)
      ledger.see(next)
    }
    reader.request = null
    reader.ticket = ticket
    reader.ended = false
    reader.stillMs = 0
    const data = { index, bell: this.#bellOf(index), ledger: this.#ledgerOf(index), ticket }
    const thread = this.#begin(data, message => this.#heard(reader, message))
    reader.thread = thread
    thread.exited.then(() => {
      if (reader.thread === thread && !this.#stopping) this.#readerGone(reader)
    })
  }

  #heard(reader: Reader, message: WindowSideMessage): void {
    if (message.kind === 'fault') this.#faults.push(message.fault)
    else if (message.kind === 'done') this.#done.push(message.next)
    else if (message.kind === 'lost' && !reader.ended)
      this.#faults.push(`reader ${reader.index} was lost for no reason`)
    else if (message.kind === 'took') {
      if (message.repeated < 0) this.#faults.push(`reader ${reader.index}: ${-message.repeated} records were skipped`)
      this.#repeated += message.repeated
    }
  }

  /** Its thread has exited, because it was killed or detached. */
  #readerGone(reader: Reader): void {
    const ticket = reader.ticket as GateTicket
    this.#keeper.exited(ticket)
    reader.thread = null
    this.#wakeAll()
    this.#ask({ reader: reader.index, dead: reader.ended ? null : ticket })
  }

  /** Detaches a reader for which the writer has waited too long. */
  #look(): void {
    const window = this.#memory.load(this.#place.window)
    for (const reader of this.#readers) {
      if (reader.ticket === null || reader.ended || !reader.thread?.running) continue
      const position = this.#keeper.position(reader.ticket)
      const lag = (window - position) | 0
      reader.stillMs = position === reader.position && lag > this.#place.capacity / 2 ? reader.stillMs + LOOK_MS : 0
      reader.position = position
      if (reader.stillMs < SLOW_MS) continue
      reader.ended = true
      this.#detached++
      this.#keeper.end(reader.ticket)
      this.#wakeAll()
    }
  }

  async #killOne(): Promise<void> {
    for (const thread of [this.#writer, ...this.#readers.map(reader => reader.thread)])
      this.#startMs = Math.max(this.#startMs, thread?.startMs ?? 0)
    if (this.#random.below(3) === 0) {
      await this.#writer.kill()
      this.#wakeAll()
      this.#writer = this.#beginWriter()
      this.#kills.writer++
      return
    }
    const { thread } = this.#readers[this.#random.below(READERS)] as Reader
    if (thread === null) return
    await thread.kill()
    this.#kills.readers++
  }

  async run(seconds: number): Promise<WindowStressReport> {
    const counted = (ledger: number): number => new Ledger(this.#memory, ledger).counted
    const watch = new StallWatch(() => {
      const running = this.#writer.running && this.#readers.every(({ thread }) => thread?.running)
      return [
        ['writer', running ? counted(this.#place.writerLedger) : null],
        ...this.#readers.map(
          ({ index, ended }) => [`reader ${index}`, running && !ended ? counted(this.#ledgerOf(index)) : null] as const,
        ),
      ]
    })
    const looking = setInterval(() => this.#look(), LOOK_MS)
    const until = performance.now() + seconds * 1e3
    while (performance.now() < until && this.#faults.length === 0) {
      await live(this.#random)
      await this.#killOne()
    }
    watch.stop()
    clearInterval(looking)
    await this.#end()
    const records = this.#readers.reduce((sum, { index }) => sum + counted(this.#ledgerOf(index)), 0)
    return {
      records,
      kills: this.#kills,
      detached: this.#detached,
      repeated: this.#repeated,
      missed: this.#missed,
      longestStallMs: watch.longestMs,
      longestStartMs: this.#startMs,
      faults: this.#faults,
    }
  }

  /** Stops the writer, lets the readers read to the end, and compares where that was. */
  async #end(): Promise<void> {
    const begun = (): boolean =>
      this.#readers.every(({ thread, request, ended }) => thread !== null && request === null && !ended)
    await this.#waitFor('the readers to be there', begun)
    this.#memory.store(this.#place.stop, 1)
    this.#wakeAll()
    await this.#waitFor('the writer to stop', () => this.#writerDone !== -1)
    this.#stopping = true
    this.#memory.store(this.#place.stop, 2)
    this.#wakeAll()
    await this.#waitFor('the readers to read all', () => this.#done.length === READERS)
    await Promise.all([this.#writer.kill(), ...this.#readers.map(({ thread }) => thread?.kill())])
    if (this.#faults.length === 0 && this.#done.some(next => next !== this.#writerDone))
      this.#faults.push(`${this.#writerDone} records were written, the readers ended at ${this.#done.join(', ')}`)
  }

  async #waitFor(what: string, ready: () => boolean): Promise<void> {
    const until = performance.now() + END_MS
    while (!ready() && this.#faults.length === 0) {
      if (performance.now() > until) this.#faults.push(`waited too long for ${what}`)
      await sleepMs(5)
    }
  }
}
