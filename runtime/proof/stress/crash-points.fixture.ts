/**
 * The named places at which a process with a broker on disk is killed, and how each of them is told.
 *
 * Leaf, any thread. There are two kinds. A *halt* is a point of a partition host (layout.ts), which stands still there, armed
 * by a control call: it can be asked for once the broker is open. A *call* is a call of `node:fs` by a function of the log,
 * right before it or right after it has returned: it needs nothing of the broker, and so is found in the control thread and
 * while a broker opens as well (crash-calls.fixture.ts).
 */
import type { FaultPoint } from '../../wire/layout.ts'
import type { Durability } from '../../words/message.ts'

/** When a point is passed: while a broker works, or while it opens and recovers. */
export type CrashTime = 'work' | 'opening'

/** What a process must find, or is made to find, for a point to be passed. */
export type CrashNeed =
  /** A state log that has grown so long that one of its next writes compacts it. */
  | 'grown'
  /** Records that were written in a life before. */
  | 'history'
  /** Records in the journal that no mark covers. */
  | 'replay'
  /** Those, or marks of a partition host. */
  | 'marks'

export type CallName = 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'makeFolder'

/** A call of the file system. */
export interface CrashCall {
  readonly call: CallName
  /** Of the file; of a rename, that which it had. */
  readonly path: RegExp
  /** Functions that are on the stack, all of them. */
  readonly within: readonly string[]
  readonly when: 'before' | 'after'
  /** Of a write: what is in its bytes; undefined: anything. */
  readonly holds?: string
}

export interface CrashPoint {
  readonly name: string
  readonly time: CrashTime
  /** Undefined: a halt, whose name is a `FaultPoint`. */
  readonly call?: CrashCall
  readonly need?: CrashNeed
  /** Where it is passed at all; undefined: by both. */
  readonly durability?: Durability
  /** It is passed so often that the process dies at one of the first so many times; undefined: at the first. */
  readonly among?: number
}

/** The state logs that are grown: of the partition host, and two of the control thread, the last of them while it opens. */
export const GROWN: readonly string[] = ['host-0.groups', 'catalog', 'marks']

const SEGMENT = /\/topics\/\d+-\d+\/\d+\.log$/
const FOLDER = /\/topics\/\d+-\d+$/
const JOURNAL = /\/host-\d+\.journal-[ab]$/

export function halt(name: FaultPoint, durability?: Durability): CrashPoint {
  return { name, time: 'work', ...(durability === undefined ? {} : { durability }) }
}

/** `call` as `before write catalog in keepTopic`, with the path apart. */
export function at(
  name: string,
  when: CrashCall['when'],
  call: CallName,
  path: RegExp,
  ...within: string[]
): CrashPoint {
  return { name, time: 'work', call: { call, path, within, when } }
}

/** Where a state log is compacted. */
export const grown = (point: CrashPoint): CrashPoint => ({ ...point, need: 'grown' })
/** While a broker opens. */
export const opening = (point: CrashPoint, need?: CrashNeed, durability?: Durability): CrashPoint => ({
  ...point,
  time: 'opening',
  ...(need === undefined ? {} : { need }),
  ...(durability === undefined ? {} : { durability }),
})

/** Of the topic that a life makes; those that it opens are written again, in lives after the first. */
function born(point: CrashPoint): CrashPoint {
  return { ...point, call: { ...(point.call as CrashCall), holds: '"topic/born-' } }
}

/** What need not survive a loss of power is in no journal. */
export const POINTS: readonly CrashPoint[] = [
  halt('segmentWritten'),
  halt('roll'),
  halt('journalWritten', 'fsync'),
  halt('journalReuse', 'fsync'),
  halt('checkpointSynced'),
  halt('marksWritten'),
  halt('beforeCommit'),
  halt('betweenWindowAndRing'),
  halt('betweenRingAndReceipt'),
  halt('statesSwept'),
  // A state log is written anew, synced, and takes its name in place of the old one, which is then gone for good.
  grown(at('compactionWritten', 'after', 'write', /\.new$/, '#compact')),
  grown(at('compactionSynced', 'before', 'rename', /\.new$/, '#compact')),
  grown(at('compactionRenamed', 'after', 'rename', /\.new$/, '#compact')),
  grown(at('compactionKept', 'before', 'open', /(?<!\.new)$/, '#compact')),
  // Retention removes a segment's index, then the segment, then makes that durable.
  { ...at('retentionIndexGone', 'after', 'remove', /\.index$/, 'PartitionLog.retain'), need: 'history' },
  { ...at('retentionSegmentGone', 'after', 'remove', SEGMENT, 'PartitionLog.retain'), need: 'history' },
  // A topic is in the catalog before its partition host hears of it.
  born(at('topicUnwritten', 'before', 'write', /\/catalog$/, 'BrokerDirectory.keepTopic')),
  born(at('topicWritten', 'after', 'write', /\/catalog$/, 'BrokerDirectory.keepTopic')),
  at('topicFolderMade', 'after', 'makeFolder', FOLDER, 'PartitionLog.open'),
  at('topicSegmentMade', 'after', 'write', SEGMENT, 'PartitionLog.open', 'ActiveSegment.create'),
  born(at('topicNotSaidMade', 'before', 'write', /\/catalog$/, 'BrokerDirectory.topicMade')),
  // A topic gets more partitions: some of their folders are made, all of them, and the catalog says so. No other topic has as many.
  at('growthHalfMade', 'after', 'makeFolder', /\/topics\/\d+-3$/, 'PartitionLog.open'),
  at('growthNotSaid', 'before', 'write', /\/catalog$/, 'BrokerDirectory.endGrowth'),
  at('growthSaid', 'after', 'write', /\/catalog$/, 'BrokerDirectory.endGrowth'),
  // Recovery, in its order. The control thread brings journals into logs and empties them; the partition host begins anew.
  opening(at('logCut', 'after', 'truncate', SEGMENT, 'recoverLog'), 'history'),
  opening(at('journalHalfReplayed', 'after', 'write', SEGMENT, 'appendFrom'), 'replay', 'fsync'),
  opening(at('replayUnsynced', 'before', 'sync', SEGMENT, 'makeDurable'), 'replay', 'fsync'),
  opening(at('marksUnwritten', 'before', 'write', /\/marks$/, 'writeAllMarks', 'StateLog.write'), 'marks'),
  opening(at('marksMoved', 'after', 'write', /\/marks$/, 'writeAllMarks', 'StateLog.write'), 'marks'),
  opening(at('journalDismissed', 'after', 'write', JOURNAL, 'removeHost', 'writeMark'), 'history'),
]
