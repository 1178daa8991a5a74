/**
 * The handler of the queue `pictures`: how many pixels does a picture have, once it is small enough?
 *
 * Runs on worker threads. It has the faults of ordinary code: a loop that does not end for one input, and no check of another.
 */
import { defineHandler, type QueueHandler } from 'millrace'
import { pixelsOf } from './pictures.ts'
import { type Picture, picturesQueue, URGENT } from './queues.ts'

const scaling: QueueHandler<Picture> = defineHandler(picturesQueue, {
  message({ value, priority }) {
    if (typeof value.width !== 'number') throw new TypeError(`picture ${value.id} has no width`)
    return { id: value.id, pixels: pixelsOf(value), isUrgent: priority === URGENT }
  },
})

export default scaling
