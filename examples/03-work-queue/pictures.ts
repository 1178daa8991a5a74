/**
 * Pictures to be scaled, made up, the same in every run; and the two that cannot be.
 */
import type { QueueMessage } from 'millrace'
import { type Picture, URGENT } from './queues.ts'

/** Every so many is urgent. */
const URGENT_EACH = 10

function goodPicture(id: number): Picture {
  return { id, width: 640 + (id % 7) * 160, height: 480 + (id % 5) * 120, divisor: 2 + (id % 3) }
}

export function isUrgent(id: number): boolean {
  return id % URGENT_EACH === URGENT_EACH - 1
}

/** `good` pictures, and among them one that is never small enough, and one that has no size. */
export function* pictureMessages(good: number): Generator<QueueMessage<Picture>> {
  const count = good + 2
  for (let id = 0; id < count; id++) {
    let value = goodPicture(id)
    if (id === Math.floor(count / 3)) value = { ...value, divisor: 1 }
    if (id === Math.floor((2 * count) / 3)) value = { ...value, width: Number.NaN }
    yield { value, priority: isUrgent(id) ? URGENT : 0 }
  }
}

/** What someone who looks at a dead letter would make of it. JSON has no NaN: it is null by then. */
export function mended(picture: Picture): Picture {
  const { width, divisor } = picture
  return { ...picture, width: width ?? 640, divisor: Math.max(2, divisor) }
}

/** The side of the largest picture that is small enough. */
export const SMALL_PIXELS = 10_000

/** Pixels of a picture that is made smaller until it is small enough. */
export function pixelsOf({ width, height, divisor }: Picture): number {
  let pixels = width * height
  // With a divisor of one this goes on for ever.
  while (pixels > SMALL_PIXELS) pixels = Math.floor(pixels / divisor)
  return pixels
}

/** The pixels that all of them have in the end, by a plain loop. */
export function pixelsExpected(good: number): number {
  let pixels = 0
  for (const { value } of pictureMessages(good))
    pixels += pixelsOf(mended({ ...value, width: Number.isNaN(value.width) ? 640 : value.width }))
  return pixels
}
