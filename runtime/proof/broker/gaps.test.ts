/** Logs with gaps, as a broker reads them: groups come to their end, replays pass over them, and appends go on behind them. */
import t from 'tap'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { verifyStore } from '../../log/folder/verify-store.ts'
import { GAP_OFFSETS_MAX } from '../../log/format/gap-frame.ts'
import { appendGap } from '../../log/format/log-frames.fixture.ts'
import { readIdentity } from '../../log/store/identity.ts'
import { frameBytesMax, partitionFolder } from '../../log/store/log-place.ts'
import { PartitionLog } from '../../log/store/partition-log.ts'
import { folderOf } from '../fixtures/broker.fixture.ts'

const MESSAGE_BYTES = 4_096

/** Adds a gap to the only log of a folder that nobody has open. */
function addGap(dir: string, topic: number, offsets: number): void {
  const disk = new NodeDisk()
  const { logId } = readIdentity(disk, dir)
  const settings = { logId, topic, partition: 0, segmentBytes: 65_536, frameBytesMax: frameBytesMax(MESSAGE_BYTES) }
  const log = PartitionLog.open(disk, partitionFolder(dir, topic, 0), settings, 0)
  appendGap(log, offsets)
  log.sync()
  log.close()
}

t.test('a group reads up to the end of a log that ends with a gap, and on behind it', async t => {
  const folder = folderOf(t)
  let end = 0
  const wanted: [number, number][] = []
  for (const offsets of [5, GAP_OFFSETS_MAX, 1]) {
    const broker = await folder.open()
    const topic = await broker.topic<number>('orders', { durability: 'os', maxMessageBytes: MESSAGE_BYTES })
    const found: [number, number][] = []
    const run = await topic.group('g').handle(({ offset, value }) => void found.push([offset, value]))
    await run.idle()
    t.strictSame(found, [], 'what was settled does not come again')
    t.equal(await topic.group('g').lag(), 0, 'the gap is no lag')
    const { offset } = await topic.publish({ value: end })
    t.equal(offset, end)
    await run.idle()
    t.strictSame(found, [[end, end]])
    wanted.push([end, end])
    await run.stop()
    const replayed: [number, number][] = []
    for await (const delivery of topic.replay()) replayed.push([delivery.offset, delivery.value])
    t.strictSame(replayed, wanted)
    const anew: [number, number][] = []
    const late = await topic.group(`late-${offsets}`).handle(delivery => {
      anew.push([delivery.offset, delivery.value])
    })
    await late.idle()
    await late.stop()
    t.strictSame(anew, wanted)
    await broker.close()
    addGap(folder.dir, 1, offsets)
    end += 1 + offsets
  }
  const { findings, partitions } = verifyStore(new NodeDisk(), folder.dir)
  t.strictSame([findings, partitions.flatMap(each => each.findings)], [[], []])
  t.match(partitions, [{ records: 3, endOffset: end }])
})
