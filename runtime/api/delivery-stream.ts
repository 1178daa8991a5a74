/**
 * Deliveries as a stream of Node, and the last step of a pipeline, which settles them.
 *
 * The consumer's thread. A stream cannot know what becomes of the deliveries that it hands on: transforms and sinks
 * have buffers of their own. Reading a delivery therefore settles nothing. It travels down the pipeline, and the step
 * that has taken it for good settles it. Bound: at most `highWaterMark` deliveries are handed out and not settled.
 */
import { finished, Readable, Writable } from 'node:stream'
import { nowMs, setTimeout } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { attempt } from '../reader/attempt.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import type { Join, Joined, Settled } from './delivery-iterator.ts'

/** Time that a stream stays in its group after its end, until its deliveries are settled. */
const LEAVING_MS_MAX = 5_000
const LOOK_MS = 5

/** `settled` ends the stream when it resolves; null: nothing does. */
export function deliveryStream(
  join: Join,
  highWaterMark: number,
  signal: AbortSignal | undefined,
  settled: Settled | null,
): Readable {
  let joining: Promise<Joined> | null = null
  let hasEnded = false
  const left = new AbortController()
  /** Deliveries that were handed on, without some of the settled ones. */
  let out: SettleableDelivery[] = []
  const end = (): void => {
    if (hasEnded) return
    hasEnded = true
    left.abort()
    stream.push(null)
  }
  const emit = (delivery: SettleableDelivery): void => {
    // Credit bounds the deliveries: the result of `push` is not needed.
    if (hasEnded || stream.destroyed) delivery.unseen = true
    else if (delivery.begin()) {
      if (out.length >= 2 * highWaterMark) out = out.filter(({ settled }) => !settled)
      out.push(delivery)
      stream.push(delivery)
    }
  }
  /** Unsettled deliveries are released when it leaves, for the next member. */
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
      const fail = (error: Error): unknown => stream.destroy(error)
      joining.then(run => {
        run.finished.then(end, fail)
        // How the run ends is known from `finished`, also when the broker closes.
        settled?.(left.signal).then(end, error => isMillraceError(error, 'MILL_CLOSED') || hasEnded || fail(error))
      }, fail)
    },
    destroy(error, done) {
      if (signal !== undefined) offAbort(signal, end)
      left.abort()
      const leaving = leave(error !== null || !hasEnded).catch(() => undefined)
      // Destroying a stream waits until it has left; at its end other steps still settle.
      if (hasEnded && error === null) done(null)
      else void leaving.then(() => done(error))
    },
  })
  if (signal?.aborted === true) end()
  else if (signal !== undefined) onAbort(signal, end)
  return stream
}

/**
 * The last step of a pipeline of deliveries: it acknowledges each when `sink` has taken it, and not before.
 *
 * `sink` is a stream, and `toChunk` makes the chunk to write of a delivery. The delivery is acked when the write has
 * been called back. It is released when the write failed, which ends the pipeline. An error of `toChunk` fails the
 * delivery (`nack`), and the pipeline continues; `undefined` acks it, and nothing is written. Or `sink` is a function,
 * called for one delivery after another, which is settled as by `attempt`. Deliveries that the reader has taken back,
 * or that were settled on the way, are skipped.
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
