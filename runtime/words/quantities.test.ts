/** Numbers of different meaning: what the compiler takes, and what it refuses. The refusals are checked when this is built. */
import t from 'tap'
import type { CursorId, Offset, PartitionId, Position } from './quantities.ts'

function bytesBefore(position: Position, offset: Offset): number {
  return position + offset
}

t.test('a plain number may become any of them, and what is calculated from one is plain', async t => {
  const offset: Offset = 5
  const next: Offset = offset + 1
  const position: Position = next * 8
  t.equal(bytesBefore(position, next), 54)
  const byPartition = new Map<PartitionId, Offset>([[0, next]])
  t.equal(byPartition.get(0), 6)
})

t.test('one is not taken for another', async t => {
  const [offset, position, partition, cursor]: [Offset, Position, PartitionId, CursorId] = [1, 2, 3, 4]
  // @ts-expect-error: they are the wrong way round
  t.equal(bytesBefore(offset, position), 3)
  // @ts-expect-error: no cursor is a partition
  const other: PartitionId = cursor
  // @ts-expect-error: nor are they compared
  t.notOk(partition === offset)
  t.equal(other, 4)
})
