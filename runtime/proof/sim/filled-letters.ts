/**
 * Fills a topic of dead letters with other records, so that no letter has room until somebody reads.
 *
 * The simulated main thread, through the public API only.
 */
import type { Topic } from '../../words/topic.ts'
import type { Audits } from './audits.ts'
import type { Value } from './lab.ts'

/** Of what a topic of letters is filled with, with its frame. */
const FILLER_BYTES = 16_384

export async function fillLetters(audits: Audits, letters: Topic<Value>): Promise<void> {
  // What nobody is to read would make room.
  await (await audits.read(letters)).stop()
  const { partitions } = await letters.stats()
  const each = Math.floor((partitions[0]?.windowBytes ?? 0) / FILLER_BYTES)
  const fillers = Array.from({ length: each * partitions.length }, (_, index) => ({
    partition: index % partitions.length,
    value: { id: `filler ${index}`, script: '', pad: 'x'.repeat(FILLER_BYTES - 284) },
  }))
  await letters.publishBatch(fillers)
}
