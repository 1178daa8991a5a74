/**
 * The parts of an open frame: which of its records somebody waits for, and who.
 *
 * The producer's thread. Bound: a part for each record of the frame.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { doneOf, type FrameObserver, NO_PARTS, type Part } from './frame-tickets.ts'
import { PublishRun } from './publish-run.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class FrameParts {
  #parts: readonly Part[] = NO_PARTS
  #last: Part | null = null
  /** That which the last part is of, if it is of one. */
  #run: PublishRun | null = null

  /** Records without those whose observers are done with them, of so many. */
  unanswered(count: number): number {
    return count - doneOf(this.#parts)
  }

  /** Makes `observer` responsible for the record at an index. */
  observe(observer: FrameObserver, index: number): void {
    const last = this.#last
    if (last !== null && last.observer === observer) last.count++
    else this.#add({ observer, first: index, count: 1 })
  }

  /** The run of single publishes that the record at an index belongs to, which is responsible for it. */
  runAt(index: number, partition: number, topic: ProducedTopic, room: WaitingRoom, isRouted: boolean): PublishRun {
    const last = this.#last
    let run = this.#run
    // A record that nobody observes may stand between.
    if (run !== null && run.isRouted === isRouted && last !== null && last.first + last.count === index) last.count++
    else {
      run = new PublishRun(topic, room, partition, isRouted)
      this.#add({ observer: run, first: index, count: 1 })
      this.#run = run
    }
    return run
  }

  #add(part: Part): void {
    if (this.#last === null) this.#parts = [part]
    else (this.#parts as Part[]).push(part)
    this.#last = part
    this.#run = null
  }

  /** The frame is sealed with these parts; the next has none yet. */
  take(): readonly Part[] {
    const parts = this.#parts
    // Never the same array for two frames, or the first one's receipt would answer for the second.
    this.#parts = NO_PARTS
    this.#last = null
    this.#run = null
    return parts
  }
}
