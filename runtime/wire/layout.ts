/**
 * Every shared word of the broker outside rings and windows: its writer, its readers, its meaning.
 *
 * ```
 * broker    one per broker
 *   +0   ROUTES    control writes, publishers read       low word of the generation of the exchanges and their bindings, once
 *                  the folder has it (publish/exchange-tables.ts)
 *
 * thread    one per attached thread (main, handler hosts)
 *   +0   BELL      doorbell of the thread
 *   +128 PHASE     the thread writes, control reads      what it is doing (PHASE below)
 *   +132 RUNNING   the thread writes, control reads      slot whose handler is on the stack, 0: none; negative: with
 *                  several records at once, none of which can be charged
 *   +136 TURN      the thread writes, control reads      grows with each delivery started on this thread
 *   +140 BEAT      the thread writes, control reads      grows with each turn; a ring of the bell asks for one
 *   +144 HALT      control writes, the thread reads      for tests: in which phase it is to stand still, + 1
 *   +148 LEAN      control writes, the thread reads      grows with each time that rings which nobody uses are to be given back
 *   +152 TAG       the thread writes, partition reads    tag of its requests; 0: it has made none
 *
 * slot      one per incarnation of a reader of one partition for one group; abandoned, never reused, while its
 *           thread may live
 *   +0   COMMITTED the reader writes, partition reads    low word of the first offset not acked for good
 *   +4   PIN       the reader writes, partition reads    window position of the oldest frame it still needs
 *   +8   HANDED    the reader writes, partition reads    low word of the offset after the one handed out last, or, of
 *                  several in hand, after the one on the stack or the only one pending
 *   +12  RETURNED  the reader writes, partition reads    low word of the first offset whose handler has not returned
 *   +16  ACTIVE    the reader writes, partition and control read  records whose handler's promise is pending
 *   +20  MANY      the reader writes, partition reads    1: it may have several records in hand, and keeps LEDGER
 *   +24  SINCE     the reader writes, control reads      the thread's TURN when ACTIVE was last 0
 *   +28  HANDLED   the reader writes, control reads      of several in hand, records that wait for their outputs
 *   +64  EPOCH     the partition host writes and reads   the owner's epoch, once the words above are set
 *   +68  CEILING   the partition host writes, reader reads  at most once, on disk: low word of the first offset that may not
 *                  be claimed, stored after ASK (group/ceiling-words.ts)
 *   +72  ASK       the partition host writes, reader reads  low word of the claim from which on more is to be asked for
 *   +76  BARRED    the partition host writes, reader reads  1: the disk has failed, the ceiling will not rise
 *   +128 LEDGER    the reader writes, partition reads    a word for each of LEDGER_RECORDS records (wire/ledger.ts)
 *
 * queue slot  one per incarnation of a consumer of a queue, in place of a slot; ACTIVE, SINCE and HANDLED as there
 *   +0   STACK     the consumer writes, partition reads  tag of the message on the stack, or the only one pending; 0: neither
 *   +4   PREFETCH  the consumer writes, partition reads  deliveries that it wants to have unsettled; 0: none, it pauses
 *   +8   HANDLES   the consumer writes, partition reads  deliveries that it handles at a time; 0: as many as it wants
 *   +64  BACKLOG   the partition host writes, consumer reads  1: messages or senders wait for what it ends, and it rings for
 *                  each; 2: none do, and there are other consumers, so it rings soon
 *   +128 claims, then the ring of deliveries (delivery-places.ts)
 *
 * group     one per (group, partition); the partition host alone writes it, its successor reads it
 *   +0   PIN       gates the window while no slot is open
 *   +8   f64 COMMITTED  first offset not settled, when no slot is open
 *   +16  f64 DEAD_LETTERED   +24 f64 FAILURES   +32 f64 SKIPPED (records before the group's start)
 *   +40  OPENED    1: the block holds a group, and a successor adopts it
 *   +44  CLOSED    the epoch whose slot was closed last: what it said is in this block, and it is not looked at again
 *   +48  CHARGED_ATTEMPT and +56 f64 CHARGED_OFFSET  the hand-out that its reader's death is to be charged to (0: none)
 *   +64  f64 PASSED_OVER  records of which it is not known whether they were handed out by a process that was killed
 *   +128 FAILURES_MAX entries of FAILURE_BYTES: records that failed and are not settled
 *        +0 f64 offset + 1 (0: free)  +8 f64 first failure, ms  +16 f64 last failure, ms
 *        +24 f64 not before, ms  +32 i32 failedAttempts  +36 i32 deliveryAttempt  +40 i32 state and reason
 *   then LEDGER    as in a slot: what the readers before said
 *
 * host      one per partition host
 *   +0   BELL      doorbell of the thread
 *   +128 WANTS     the host writes, readers read         1: tell me when you commit (a window is full, someone waits)
 *
 * partition one per partition; the first two words count for a log on disk only
 *   +0   HIGH      the partition host writes, readers read  low word of the offset after the last readable record, stored
 *                  after the window's end
 *   +4   LAPS      the partition host writes, readers read  how often that offset has passed a multiple of 2^30, stored last
 *   +8   UNREAD    the partition host writes, producers read  records that the slowest group which reads it now has not
 *                  handled; a hint, written plainly
 *
 * fault     one per partition host, for tests that stop a partition host at a named point
 *   +0   ARMED     control writes: number of the point   +4 REACHED  the partition host writes
 * ```
 *
 * HANDED, RETURNED, SINCE, RUNNING, TURN and BEAT are written plainly, once per record. They are read only after the
 * thread's exit, or by a watchdog that compares two looks a timer apart. No order with other words is needed.
 */
import { LINE_BYTES } from 'sharedarraybuffer-ring'

export const BROKER_ROUTES = 0
export const BROKER_BYTES: number = LINE_BYTES

export const THREAD_BELL = 0
export const THREAD_PHASE: number = LINE_BYTES
export const THREAD_RUNNING: number = LINE_BYTES + 4
export const THREAD_TURN: number = LINE_BYTES + 8
export const THREAD_BEAT: number = LINE_BYTES + 12
export const THREAD_HALT: number = LINE_BYTES + 16
export const THREAD_LEAN: number = LINE_BYTES + 20
export const THREAD_TAG: number = LINE_BYTES + 24
export const THREAD_BYTES: number = 2 * LINE_BYTES

export const HOST_BELL = 0
export const HOST_WANTS: number = LINE_BYTES
export const HOST_BYTES: number = 2 * LINE_BYTES

export const PHASE = { starting: 0, idle: 1, executing: 2, committing: 3, stopping: 4 } as const
export type Phase = keyof typeof PHASE

export const SLOT_COMMITTED = 0
export const SLOT_PIN = 4
export const SLOT_HANDED = 8
export const SLOT_RETURNED = 12
export const SLOT_ACTIVE = 16
export const SLOT_MANY = 20
export const SLOT_SINCE = 24
export const SLOT_HANDLED = 28
export const SLOT_EPOCH = 64
export const SLOT_CEILING = 68
export const SLOT_ASK = 72
export const SLOT_BARRED = 76
export const SLOT_LEDGER: number = LINE_BYTES
/** Records from the committed one on of which it is known how often they were handed out and whether they are settled. */
export const LEDGER_RECORDS = 1_024
export const LEDGER_BYTES: number = 4 * LEDGER_RECORDS
export const SLOT_BYTES: number = SLOT_LEDGER + LEDGER_BYTES

export const QUEUE_SLOT_STACK = 0
export const QUEUE_SLOT_PREFETCH = 4
export const QUEUE_SLOT_HANDLES = 8
export const QUEUE_SLOT_BACKLOG = 64
export const QUEUE_SLOT_CLAIMS: number = LINE_BYTES

/** Bytes of a queue's block before the words of its messages. */
export const QUEUE_BLOCK_BYTES: number = 2 * LINE_BYTES

export const GROUP_PIN = 0
export const GROUP_COMMITTED = 8
export const GROUP_DEAD_LETTERED = 16
export const GROUP_FAILED = 24
export const GROUP_SKIPPED = 32
export const GROUP_OPENED = 40
export const GROUP_CLOSED = 44
export const GROUP_CHARGED_ATTEMPT = 48
export const GROUP_CHARGED_OFFSET = 56
export const GROUP_PASSED_OVER = 64
export const GROUP_TABLE: number = LINE_BYTES
export const FAILURES_MAX = 256
export const FAILURE_BYTES = 56
export const FAILURE_OFFSET = 0
export const FAILURE_FIRST_MS = 8
export const FAILURE_LAST_MS = 16
export const FAILURE_NOT_BEFORE_MS = 24
export const FAILURE_ATTEMPTS = 32
export const FAILURE_DELIVERY = 36
export const FAILURE_STATE = 40
export const FAILURE_NOT_BEFORE_WALL_MS = 48
export const GROUP_LEDGER: number = GROUP_TABLE + FAILURES_MAX * FAILURE_BYTES
export const GROUP_BYTES: number = GROUP_LEDGER + LEDGER_BYTES

export const PARTITION_HIGH = 0
export const PARTITION_LAPS = 4
export const PARTITION_UNREAD = 8
export const PARTITION_BYTES: number = LINE_BYTES

export const FAULT_ARMED = 0
export const FAULT_REACHED = 4
export const FAULT_BYTES: number = LINE_BYTES

/** Points at which a partition host can be made to stop: of an append, in its order, of a settlement, and of its disk. */
export const FAULT_POINT = {
  none: 0,
  beforeCommit: 1,
  betweenWindowAndRing: 2,
  betweenRingAndReceipt: 3,
  betweenDeadLetterAndVerdict: 4,
  betweenVerdictAndRelease: 5,
  betweenChargeAndAnswer: 6,
  beforeCharge: 7,
  letterWaits: 8,
  segmentWritten: 9,
  roll: 10,
  journalWritten: 11,
  journalReuse: 12,
  checkpointSynced: 13,
  marksWritten: 14,
  compaction: 15,
  truncation: 16,
  recovery: 17,
  statesSwept: 18,
  ceilingWritten: 19,
  betweenAckAndFree: 20,
  beforeDeliveries: 21,
  betweenMoveAndMark: 22,
  betweenIntentAndCount: 23,
  settledWritten: 24,
  settledRewritten: 25,
  settledRenamed: 26,
  settledCut: 27,
  segmentsUnneeded: 28,
  segmentRewritten: 29,
  segmentReplaced: 30,
  segmentsJoined: 31,
  jointNoted: 32,
  jointJournalled: 33,
  jointCommitted: 34,
  jointAnswered: 35,
  refusalTold: 36,
} as const
export type FaultPoint = keyof typeof FAULT_POINT
