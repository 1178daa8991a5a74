/**
 * A process that appends to a log until it is killed: `node log-writer.fixture.js FOLDER`.
 *
 * It opens the log, says where that starts and ends (`opened START END CUTS`), and then says each end after the append that
 * made it (`end OFFSET`), by a write that has reached the pipe when it returns. Now and then it syncs, cuts the last frame
 * off, and removes old segments, so that kills find it there, too: `cutting` and then the end, `removing` and then the
 * start (`start OFFSET`).
 */

import { NodeDisk } from '../../log/disk/node-disk.ts'
import { appendFrame } from '../../log/format/log-frames.fixture.ts'
import { PartitionLog } from '../../log/store/partition-log.ts'
import { FRAME_RECORDS_MAX, KILLED, STOP_AFTER } from './log-kills.fixture.ts'
import { say } from './say.fixture.ts'

const log = PartitionLog.open(new NodeDisk(), process.argv[2] as string, KILLED, 0)
say(`opened ${log.startOffset} ${log.endOffset} ${log.cuts.length}`)
for (let turn = 1; turn < STOP_AFTER; turn++) {
  appendFrame(log, 1 + (log.endOffset % FRAME_RECORDS_MAX), 100 + (log.endOffset % 700), 1_000)
  say(`end ${log.endOffset}`)
  if (turn % 7 === 0) log.sync()
  if (turn % 41 === 0) {
    say('cutting')
    log.truncateTo(log.endOffset - 1)
    say(`end ${log.endOffset}`)
  }
  if (turn % 97 === 0) {
    say('removing')
    log.retain({ bytesMax: 6 * KILLED.segmentBytes })
    say(`start ${log.startOffset}`)
  }
}
