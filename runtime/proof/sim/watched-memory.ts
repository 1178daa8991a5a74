/**
 * Sees what becomes of the memory of windows and rings in a simulation: who has it asks for more, gives it back, or does without.
 *
 * The simulated threads, on one stack; the classes that ship, of which nothing is changed.
 */
import { WindowWriter } from 'sharedarraybuffer-ring'
import { PartitionWriter } from '../../publish/partition-writer.ts'

export type Sight = 'largeWindow' | 'smallWindow' | 'noWindow' | 'otherRing'

export function watchMemory(saw: (sight: Sight) => void): void {
  const { moveTo, skip } = WindowWriter.prototype
  WindowWriter.prototype.moveTo = function (place) {
    const isMoved = moveTo.call(this, place)
    if (isMoved) saw(place === null ? 'smallWindow' : 'largeWindow')
    return isMoved
  }
  WindowWriter.prototype.skip = function (bytes) {
    const isOver = skip.call(this, bytes)
    if (isOver) saw('noWindow')
    return isOver
  }
  const { moveTo: moveOn } = PartitionWriter.prototype
  PartitionWriter.prototype.moveTo = function (place) {
    moveOn.call(this, place)
    saw('otherRing')
  }
}
