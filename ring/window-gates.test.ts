/** Gates on one thread, step by step: who holds the writer up, and who does not any more. */
import t from 'tap'
import { GATE_BYTES, WINDOW_BANK_BYTES, WINDOW_BANKS, windowBytes } from './layout.ts'
import { WindowReader, WindowWriter, WRAPS } from './log-window.ts'
import { Memory } from './memory.ts'
import { STARTS } from './positions.fixture.ts'
import { GateKeeper, type GateTicket, ReaderGate, WindowGates } from './window-gates.ts'

const CAPACITY = 64
const GATES = 2
const WINDOW = GATES * GATE_BYTES

interface Gated {
  readonly memory: Memory
  readonly writer: WindowWriter
  readonly keeper: GateKeeper
}

function takeOver(memory: Memory): WindowWriter {
  return new WindowWriter(memory, WINDOW, CAPACITY, new WindowGates(memory, 0, GATES))
}

function gatedAt(start: number): Gated {
  const memory = Memory.allocate(WINDOW + windowBytes(CAPACITY))
  for (const bank of [0, 1])
    for (const word of [0, 1]) memory.i32[((WINDOW + WINDOW_BANKS + bank * WINDOW_BANK_BYTES) >> 2) + word] = start
  return { memory, writer: takeOver(memory), keeper: new GateKeeper(memory) }
}

function attached({ memory, writer }: Gated, position?: number): { ticket: GateTicket; gate: ReaderGate } {
  const ticket = writer.attach(position)
  if (ticket === null) throw new Error('no gate is left')
  return { ticket, gate: new ReaderGate(memory, ticket) }
}

function fill(writer: WindowWriter, bytes: number): void {
  writer.writeIn(new Uint8Array(bytes).fill(bytes))
  writer.commit()
}

t.test('a reader holds what it has not taken, and no more', async t => {
  for (const start of STARTS) {
    const window = gatedAt(start)
    const { gate } = attached(window)
    t.equal(gate.position, start)
    fill(window.writer, 64)
    t.equal(window.writer.reclaim(), 0)
    t.ok(gate.enter())
    gate.leave((start + 24) | 0)
    t.equal(window.writer.reclaim(), 24)
    t.ok(gate.enter())
    gate.leave((start + 24) | 0)
    t.equal(window.writer.reclaim(), 24, 'a read that takes nothing moves nothing')
  }
})

t.test('the slower of two readers holds, and one of the owner’s own gates with them', async t => {
  const window = gatedAt(0x7ffffff0)
  const [first, second] = [attached(window), attached(window)]
  fill(window.writer, 64)
  first.gate.leave((0x7ffffff0 + 40) | 0)
  second.gate.leave((0x7ffffff0 + 32) | 0)
  t.equal(window.writer.reclaim(), 32)
  const own = WINDOW + windowBytes(CAPACITY) - 4
  window.memory.store(own, (0x7ffffff0 + 36) | 0)
  window.writer.gates.push(own)
  second.gate.leave((0x7ffffff0 + 64) | 0)
  t.equal(window.writer.reclaim(), 36)
  window.memory.store(own, (0x7ffffff0 + 64) | 0)
  t.equal(window.writer.reclaim(), 40)
})

t.test('without a reader the writer keeps what it has until it drops it', async t => {
  const { writer } = gatedAt(0)
  fill(writer, 64)
  t.equal(writer.reclaim(), 0)
  writer.drop(16)
  t.equal(writer.free(), 16)
})

t.test('one that is ended between its reads holds nothing, and learns of it at the next', async t => {
  const window = gatedAt(0)
  const [slow, other] = [attached(window), attached(window)]
  fill(window.writer, 64)
  other.gate.leave(64)
  t.equal(window.writer.reclaim(), 0)
  t.equal(window.keeper.position(slow.ticket), 0)
  t.notOk(slow.gate.ended)
  window.keeper.end(slow.ticket)
  t.equal(window.writer.reclaim(), 64)
  t.ok(slow.gate.ended)
  t.notOk(slow.gate.enter())
  t.ok(other.gate.enter(), 'the other is not meant')
})

t.test('one that is ended inside a read holds until that read ends', async t => {
  const window = gatedAt(0)
  const [slow, other] = [attached(window), attached(window)]
  fill(window.writer, 64)
  other.gate.leave(64)
  t.ok(slow.gate.enter())
  window.keeper.end(slow.ticket)
  t.equal(window.writer.reclaim(), 0, 'it may be looking at these bytes')
  const bytes = new Uint8Array(64)
  new WindowReader(window.memory, WINDOW, CAPACITY).copyOut(0, 64, bytes, 0)
  t.ok(bytes.every(byte => byte === 64))
  slow.gate.leave(8)
  t.equal(window.writer.reclaim(), 64)
  t.notOk(slow.gate.enter())
})

t.test('one that is ended and died inside a read holds until its exit is known', async t => {
  const window = gatedAt(0)
  const [dead, other] = [attached(window), attached(window)]
  fill(window.writer, 64)
  other.gate.leave(64)
  t.ok(dead.gate.enter())
  window.keeper.end(dead.ticket)
  t.equal(window.writer.reclaim(), 0)
  window.keeper.exited(dead.ticket)
  t.equal(window.writer.reclaim(), 64)
})

t.test('one that died holds for its successor, who goes on where it stood', async t => {
  for (const inside of [false, true]) {
    const window = gatedAt(0xfffffff0 | 0)
    const dead = attached(window)
    fill(window.writer, 64)
    dead.gate.leave((0xfffffff0 + 24) | 0)
    if (inside) t.ok(dead.gate.enter())
    const tooEarly = window.writer.attach()
    t.not(tooEarly, null, 'the other gate')
    if (tooEarly !== null) new ReaderGate(window.memory, tooEarly).close()
    window.keeper.exited(dead.ticket)
    t.equal(window.writer.reclaim(), 24)
    const ticket = window.writer.reattach(dead.ticket)
    t.not(ticket, null)
    const gate = new ReaderGate(window.memory, ticket as GateTicket)
    t.equal(gate.position, 8)
    t.equal(window.writer.reattach(dead.ticket), null, 'once')
    window.keeper.end(dead.ticket)
    t.ok(gate.enter(), 'what is said of the dead one does not concern its successor')
    t.equal(window.writer.reclaim(), 24)
    gate.leave(48)
    t.equal(window.writer.reclaim(), 64)
  }
})

t.test('the gate of a living reader is nobody else’s', async t => {
  const window = gatedAt(0)
  const { ticket } = attached(window)
  t.equal(window.writer.reattach(ticket), null)
})

t.test('a full table gives no gate until a reader has left or its exit is known', async t => {
  const window = gatedAt(0)
  const [first, second] = [attached(window), attached(window)]
  t.equal(window.writer.attach(), null)
  window.keeper.end(first.ticket)
  t.equal(window.writer.attach(), null, 'it does not know yet, and may write to its line')
  t.notOk(first.gate.enter())
  const third = attached(window)
  t.equal(third.ticket.address, first.ticket.address)
  t.not(third.ticket.term, first.ticket.term)
  t.notOk(third.gate.ended)
  second.gate.close()
  const fourth = attached(window)
  window.keeper.exited(fourth.ticket)
  t.equal(window.writer.attach(), null, 'dead, but not ended: its place is kept')
  window.keeper.end(fourth.ticket)
  t.equal(attached(window).ticket.address, fourth.ticket.address)
})

t.test('what is said late of an old reader does not bring one back that was ended since', async t => {
  const window = gatedAt(0)
  const old = attached(window)
  window.keeper.end(old.ticket)
  t.notOk(old.gate.enter())
  const { ticket, gate } = attached(window)
  t.equal(ticket.address, old.ticket.address)
  window.keeper.end(ticket)
  fill(window.writer, 64)
  window.writer.reclaim()
  window.keeper.end(old.ticket)
  t.notOk(gate.enter(), 'the writer has passed it')
  window.keeper.exited(ticket)
  window.keeper.exited(old.ticket)
  t.equal(attached(window).ticket.address, ticket.address)
})

t.test('one that has closed its gate holds nothing', async t => {
  const window = gatedAt(0)
  const { gate } = attached(window)
  fill(window.writer, 64)
  gate.close()
  t.equal(window.writer.reclaim(), 0, 'nobody is left to say what may go')
  window.writer.drop(64)
  t.equal(window.writer.free(), 64)
})

t.test('a reader starts where the window still is', async t => {
  const window = gatedAt(0x7ffffff8)
  fill(window.writer, 64)
  t.equal(attached(window, (0x7ffffff8 + 16) | 0).gate.position, (0x7ffffff8 + 16) | 0)
  window.writer.reclaim()
  t.throws(() => window.writer.attach((0x7ffffff8 + 8) | 0), RangeError)
  t.throws(() => window.writer.attach((0x7ffffff8 + 72) | 0), RangeError)
  t.throws(() => new WindowWriter(window.memory, WINDOW, CAPACITY).attach(), TypeError)
})

t.test('the writer’s successor is held by the same readers, and can name them', async t => {
  const window = gatedAt(0)
  const [first, second] = [attached(window), attached(window)]
  fill(window.writer, 64)
  first.gate.leave(48)
  second.gate.leave(16)
  const successor = takeOver(window.memory)
  t.same(successor.tickets(), [first.ticket, second.ticket])
  t.equal(successor.reclaim(), 16)
  window.keeper.end(second.ticket)
  t.equal(successor.reclaim(), 48)
  t.same(successor.tickets(), [first.ticket])
  t.equal(takeOver(window.memory).reclaim(), 48, 'and so is the next one')
})

t.test('bytes are written in place where they do not wrap', async t => {
  const { memory, writer } = gatedAt(0)
  const reader = new WindowReader(memory, WINDOW, CAPACITY)
  const address = writer.claim(40)
  memory.u8.fill(7, address, address + 40)
  writer.advance(40)
  t.equal(reader.end(), 0)
  writer.commit()
  t.equal(reader.end(), 40)
  t.equal(reader.addressOf(8), address + 8)
  t.equal(reader.untilWrap(8), 56)
  t.equal(reader.untilWrap(40), 24)
  t.equal(writer.claim(32), WRAPS)
  t.equal(writer.claim(24), address + 40)
})

t.test('a claim in place gives up first what it overwrites', async t => {
  const { memory, writer } = gatedAt(0)
  fill(writer, 64)
  writer.drop(32)
  memory.u8.fill(9, writer.claim(32), writer.claim(32) + 32)
  const successor = takeOver(memory)
  t.equal(successor.start, 32)
  t.equal(successor.end, 64)
})
