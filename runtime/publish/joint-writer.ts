/**
 * One thread's way into several partitions of one host at once: frames that the host takes together (wire/joint-note.ts).
 *
 * The producer's thread. Records with the same targets, one after the other, share a frame in each target's ring. It is sealed for all of them
 * when another set of targets follows, when anything else goes into one of these rings, or with the turn. A record is written into all frames, or into
 * none. Bound: the rings, and the joints in them, which are kept until they are answered.
 */
import { FULL } from 'sharedarraybuffer-ring'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { noteBytes } from '../wire/joint-note.ts'
import type { JointPublish } from './joint-publish.ts'
import { JointTicket } from './joint-ticket.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { boundOfRecord, type EncodedMessage, writeRecord } from './record-writer.ts'

/** A record on its way into one partition. */
export interface JointPart {
  readonly writer: PartitionWriter
  readonly message: EncodedMessage
  readonly maxMessageBytes: number
}

/** A partition that has no room: `said`, for now or ever. */
export interface JointLack {
  readonly writer: PartitionWriter
  readonly said: number
}

const LEADS_NONE: readonly number[] = []

export class JointWriter {
  readonly #thread: AttachedThread
  /** Sealed, and not answered by all partitions. */
  readonly tickets: Set<JointTicket> = new Set()
  /** Of the open frames. */
  #writers: readonly PartitionWriter[] = []
  #open: JointTicket | null = null

  constructor(thread: AttachedThread) {
    this.#thread = thread
  }

  /** Writes a record into all its partitions; null: done. Its key is known to be text, and its size to be allowed. */
  append(parts: readonly JointPart[], publish: JointPublish): JointLack | null {
    const { memory } = this.#thread
    const bounds = boundsOf(parts)
    if (!this.#mayJoin(parts, bounds)) {
      this.seal()
      const lack = this.#begin(parts, bounds)
      if (lack !== null) return lack
    }
    for (const { writer, message, maxMessageBytes } of parts) {
      const { key, value, headers, timestamp, fields, extraBytes } = message
      const max = maxMessageBytes + extraBytes
      writer.letIn(true)
      if (writeRecord(memory, writer, key, value, headers, timestamp, max, fields) !== 0)
        throw new Error(`broken invariant: a joint record had no room in partition ${writer.partition}`)
      writer.letIn(false)
      if (!writer.dirty) this.#thread.markDirty(writer)
    }
    this.#open?.add(publish)
    return null
  }

  #mayJoin(parts: readonly JointPart[], bounds: readonly number[]): boolean {
    const writers = this.#writers
    if (this.#open === null || writers.length !== parts.length) return false
    for (const [index, { writer }] of parts.entries())
      if (writer !== writers[index] || !writer.hasJointRoom(bounds[index] as number)) return false
    return true
  }

  #begin(parts: readonly JointPart[], bounds: readonly number[]): JointLack | null {
    const writers = parts.map(({ writer }) => writer)
    for (const [index, writer] of writers.entries()) {
      const said = writer.openJoint(this, noteBytes(index === 0 ? writers.length : 0), bounds[index] as number)
      if (said >= 0) continue
      for (const opened of writers.slice(0, index)) opened.abandonJoint()
      return { writer, said: said === FULL ? FULL : said }
    }
    this.#writers = writers
    this.#open = new JointTicket(this.#thread, writers, this.tickets)
    return null
  }

  /** Publishes the open frames, the leading one last. */
  seal(): void {
    const ticket = this.#open
    if (ticket === null) return
    const writers = this.#writers
    this.#open = null
    this.#writers = []
    const rings = writers.map(({ ring }) => ring)
    const lead = writers[0] as PartitionWriter
    const name = { lead: lead.ring, leadEnd: lead.jointEnd }
    const places = writers.map((writer, index) =>
      writer.sealJoint(name, index === 0 ? rings : LEADS_NONE, ticket.members[index] as JointTicket['members'][number]),
    )
    ticket.sealed(places, rings)
    for (const writer of writers.toReversed()) writer.publish()
  }
}

/** Partitions mostly get the same bytes. */
function boundsOf(parts: readonly JointPart[]): number[] {
  let last: EncodedMessage | null = null
  let bound = 0
  return parts.map(({ message }) => {
    const isSame =
      last !== null && last.value === message.value && last.headers === message.headers && last.fields === message.fields
    if (!isSame) bound = boundOfRecord(message)
    last = message
    return bound
  })
}
