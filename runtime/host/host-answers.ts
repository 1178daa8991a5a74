/**
 * The answers to requests, on their way from the queues of a host to the threads that wait for them.
 *
 * The partition host's thread. An answer that has no room in its thread's ring waits here, and those behind it do. Its thread rings when it has
 * taken something out, while this host says in the ring that it wants room (`room` of host-link.ts).
 *
 * Bound: PARKED_BYTES for each thread. Beyond it the value of an answer is dropped, and the caller is told so. A thread bounds its
 * requests, and those are all that is kept beside the values. What comes for a thread that has ended is dropped.
 */
import { type AnswerKind, PIECE_TO_THREAD, type RequestAddress } from '../link/answers.ts'
import type { HostLink } from '../link/host-link.ts'
import type { Callers } from '../queue-actor/queue-requests.ts'

/** Values that wait for room in the ring of one thread. */
export const PARKED_BYTES = 16_777_216

interface Waiting {
  readonly to: RequestAddress
  readonly kind: AnswerKind
  readonly bytes: Uint8Array
  /** Bytes that were sent. */
  sent: number
}

interface Line {
  readonly waiting: Waiting[]
  bytes: number
}

export class HostAnswers implements Callers {
  readonly #linkOf: (thread: number) => HostLink | null
  readonly #lines = new Map<HostLink, Line>()
  /** Those that have something to be published. */
  readonly #written = new Set<HostLink>()

  /** `linkOf`: null: the thread has ended. */
  constructor(linkOf: (thread: number) => HostLink | null) {
    this.#linkOf = linkOf
  }

  waits({ client, request }: RequestAddress): boolean {
    return this.#linkOf(client)?.waitsFor(request) === true
  }

  answer(to: RequestAddress, kind: AnswerKind, bytes: Uint8Array): void {
    const link = this.#linkOf(to.client)
    if (link?.waitsFor(to.request) !== true) return
    const line = this.#lines.get(link) ?? { waiting: [], bytes: 0 }
    const fits = line.bytes + bytes.length <= PARKED_BYTES
    const waiting = fits
      ? { to, kind, bytes, sent: 0 }
      : { to, kind: 'lost' as const, bytes: new Uint8Array(0), sent: 0 }
    line.waiting.push(waiting)
    line.bytes += waiting.bytes.length
    this.#lines.set(link, line)
  }

  /** Sends what has room, at the end of each pass, and once more before the host sleeps; whether there was anything. */
  flush(): boolean {
    if (this.#lines.size === 0) return false
    for (const [link, line] of this.#lines) {
      let sent = 0
      while (sent < line.waiting.length && this.#send(link, line.waiting[sent] as Waiting)) {
        line.bytes -= (line.waiting[sent] as Waiting).bytes.length
        sent++
      }
      line.waiting.splice(0, sent)
      if (line.waiting.length === 0 || link.isAbandoned) this.#lines.delete(link)
    }
    const hasSent = this.#written.size > 0
    for (const link of this.#written) link.publish()
    this.#written.clear()
    return hasSent
  }

  /** Whether all of it was sent. */
  #send(link: HostLink, waiting: Waiting): boolean {
    const { to, kind, bytes } = waiting
    do {
      const piece = bytes.subarray(waiting.sent, waiting.sent + PIECE_TO_THREAD)
      if (!link.answerPiece(to, kind, waiting.sent, bytes.length, piece)) return false
      this.#written.add(link)
      waiting.sent += piece.length
    } while (waiting.sent < bytes.length)
    return true
  }
}
