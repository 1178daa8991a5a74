/**
 * Deliveries as a stream of Node, and the last step of a pipeline, which settles them.
 *
 * The consumer's thread. A stream cannot know what became of what it handed on: transforms and sinks have buffers of their own.
 * So a delivery that is read is not settled by that. It travels down the pipeline, and who has taken it for good settles it.
 * Bound: as many deliveries are out and not settled as the stream's `highWaterMark` says.
 */
import { finished, Readable, Writable } from 'node:stream'
import { nowMs, setTimeout } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { attempt } from '../reader/attempt.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import type { Run } from '../words/run.ts'
import type { Join } from './delivery-iterator.ts'

/** After its end a stream stays in its group until what it handed on is settled, but no longer than this. */
const LEAVING_MS_MAX = 5_000
const LOOK_MS = 5

export function deliveryStream(join: Join, highWaterMark: number, signal: AbortSignal | undefined): Readable {
  let joining: Promise<Run<unknown>> | null = null
  let hasEnded = false
  /** What was handed on, without some of what is settled. */
  let out: SettleableDelivery[] = []
  const end = (): void => {
    if (hasEnded) return
    hasEnded = true
    stream.push(null)
  }
  const emit = (delivery: SettleableDelivery): void => {
    // Credit bounds what comes: what `push` says of the buffer is no news.
    if (hasEnded || stream.destroyed) delivery.unseen = true
    else {
      if (out.length >= 2 * highWaterMark) out = out.filter(({ settled }) => !settled)
      out.push(delivery)
      stream.push(delivery)
    }
  }
  /** What is not settled when it leaves is handed to whoever comes next. */
  const leave = async (isCutOff: boolean): Promise<void> => {
    if (joining === null) return
    const run = await joining
    const until = nowMs() + LEAVING_MS_MAX
    while (!isCutOff && out.some(({ settled }) => !settled) && nowMs() < until)
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    await run.stop()
  }
  const stream: Readable = new Readable({
    objectMode: true,
    highWaterMark,
    read() {
      if (joining !== null || hasEnded) return
      joining = join(emit)
      joining.then(run => run.finished).then(end, (error: Error) => stream.destroy(error))
    },
    destroy(error, done) {
      if (signal !== undefined) offAbort(signal, end)
      const left = leave(error !== null || !hasEnded).catch(() => undefined)
      // Whoever cuts a stream off hears when it has left; at its end others still settle.
      if (hasEnded && error === null) done(null)
      else void left.then(() => done(error))
    },
  })
  if (signal?.aborted === true) end()
  else if (signal !== undefined) onAbort(signal, end)
  return stream
}

/**
 * The last step of a pipeline of deliveries: it acknowledges each when `sink` has taken it, and not before.
 *
 * `sink` is a stream, and `toChunk` makes what is written there of a delivery: it is acked when the write has been called back, and
 * released when that failed, which ends the pipeline. What `toChunk` throws fails the delivery (`nack`), and the pipeline goes on;
 * `undefined` acks it, and nothing is written. Or `sink` is a function, called for one delivery after another: it is settled as by
 * `attempt`. Deliveries that their reader has taken back, or that were settled on the way, are left out.
 *
 * @throws MillraceError `MILL_INVALID_OPTION`
 * @example
 * await pipeline(group.stream(), acknowledging(createWriteStream('out.ndjson'), ({ value }) => `${JSON.stringify(value)}\n`))
 */
export function acknowledging<V>(
  sink: Writable | ((delivery: ManualDelivery<V>) => unknown),
  toChunk?: (delivery: ManualDelivery<V>) => unknown,
): Writable {
  if (typeof sink === 'function') {
    if (toChunk !== undefined)
      throw new MillraceError('MILL_INVALID_OPTION', 'acknowledging takes one function, or a stream and a function')
    return new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (delivery: ManualDelivery<V>, _encoding, done) => void attempt(delivery, sink).then(() => done(), done),
    })
  }
  if (typeof (sink as Partial<Writable> | null)?.write !== 'function')
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `acknowledging takes a writable stream or a function, not ${show(sink)}`,
    )
  if (typeof toChunk !== 'function')
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `with a stream, acknowledging needs a function that makes what is written of a delivery, not ${show(toChunk)}`,
    )
  return intoStream(sink, toChunk)
}

function intoStream<V>(sink: Writable, toChunk: (delivery: ManualDelivery<V>) => unknown): Writable {
  const step: Writable = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(delivery: ManualDelivery<V>, _encoding, done) {
      if (delivery.settled) return done()
      let chunk: unknown
      try {
        chunk = toChunk(delivery)
      } catch (error) {
        if (!delivery.settled) delivery.nack(error)
        return done()
      }
      const taken = (error: Error | null | undefined): void => {
        if (delivery.settled) return
        if (error === null || error === undefined) delivery.ack()
        else delivery.release()
      }
      if (chunk === undefined || chunk === null) {
        taken(null)
        done()
      } else if (sink.write(chunk, taken)) done()
      else sink.once('drain', () => done())
    },
    final(done) {
      sink.end(done)
    },
    destroy(error, done) {
      if (!sink.writableFinished) sink.destroy()
      done(error)
    },
  })
  finished(sink, { readable: false }, error => {
    if (error !== null && error !== undefined) step.destroy(error)
  })
  return step
}
