/** The door of `sharedarraybuffer-ring`: bytes between threads, over one shared memory. */
export { Arena, NO_ROOM } from './arena.ts'
export { Doorbell } from './doorbell.ts'
export { align8, BELL_BYTES, GATE_BYTES, LINE_BYTES, PIN_IDLE, ringBytes, windowBytes } from './layout.ts'
export { BANK_WORDS, WindowReader, WindowWriter, WRAPS } from './log-window.ts'
export { Memory, type MemoryHandle, type MemoryKind } from './memory.ts'
export { Sleeper, type SleeperOptions } from './sleeper.ts'
export { CORRUPT, EMPTY, FULL, RingConsumer, RingProducer } from './spsc-ring.ts'
export { GateKeeper, type GateTicket, ReaderGate, WindowGates } from './window-gates.ts'
