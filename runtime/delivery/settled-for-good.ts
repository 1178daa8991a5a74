/**
 * The end of a record whose handler has returned, when nothing else goes out before it: it does not come again after that.
 *
 * The handling thread. Until then it would, and what it has left behind, a timer for instance, may yet end the thread: so
 * its executor keeps it in hand, and charged, until this resolves.
 */
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { OutputMessage } from './outputs.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'

/** A full output topic is waited for. */
export const FOR_EVER: { readonly timeoutMs: number } = { timeoutMs: Number.POSITIVE_INFINITY }

/**
 * Resolves when `message` and all outputs before it are confirmed, and a snapshot is kept in which everything below `end` is.
 *
 * @throws MillraceError what the publish failed with
 */
export async function settledForGood(
  output: Pick<TopicProducer, 'publish' | 'flush'> | null,
  keeper: SnapshotKeeper | null,
  message: OutputMessage | null,
  end: number,
): Promise<void> {
  if (message !== null) await output?.publish(message, FOR_EVER, true)
  await output?.flush()
  await keeper?.keepNow(end)
}
