/**
 * Publishing as a stream of Node: written messages are published in batches, one after another.
 *
 * The producer's thread. While a batch waits for its receipts the next one gathers in the stream's buffer, which is the
 * bound: `write` returns false when that is full. The stream has finished when everything has its receipt.
 */
import { Writable } from 'node:stream'
import type { BatchReceipt, Message } from '../words/message.ts'

interface Chunk {
  readonly chunk: Message
}

export function topicWritable(
  publishBatch: (messages: readonly Message[]) => Promise<BatchReceipt>,
  highWaterMark: number,
): Writable {
  const publish = (messages: readonly Message[], done: (error?: Error | null) => void): void => {
    publishBatch(messages).then(() => done(), done)
  }
  return new Writable({
    objectMode: true,
    highWaterMark,
    write: (message: Message, _encoding, done) => publish([message], done),
    writev: (chunks, done) =>
      publish(
        (chunks as readonly Chunk[]).map(({ chunk }) => chunk),
        done,
      ),
  })
}
