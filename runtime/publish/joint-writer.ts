/**
 * One thread's way into several partitions of one host at once: frames that the host takes together (wire/joint-note.ts).
 *
 * The producer's thread. Records with the same targets, one after the other, share a frame in each target's ring. It is sealed for all of them
 * when another set of targets follows, when anything else goes into one of these rings, or with the turn. A record is written into all frames, or into
 * none. Bound: the rings, and the joints in them, which are kept until they are answered.
 */

import { FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { noteBytes } from '../wire/joint-note.ts'
import type { OpenJoint } from './joint-frame.ts'
import type { JointTarget } from './joint-target.ts'
import { type JointMember, type JointRecord, JointTicket } from './joint-ticket.ts'
import type { PartitionWriter } from './partition-writer.ts'
import { boundOfRecord, type EncodedMessage, writeRecord } from './record-writer.ts'

/** A partition that has no room: `said`, for now or ever. */
export interface JointLack {
  readonly writer: PartitionWriter
  readonly said: number
}

const LEADS_NONE: readonly number[] = []

export class JointWriter implements OpenJoint {
  readonly #thread: AttachedThread
  /** Sealed, and not answered by all partitions. */
  readonly tickets: Set<JointTicket> = new Set()
  /** Of the open frames. */
  #writers: readonly PartitionWriter[] = []
  #open: JointTicket | null = null
  /** Position in the leading ring after the header of its open frame. */
  #leadFrom = 0

  constructor(thread: AttachedThread) {
    this.#thread = thread
  }

  /** Writes a message into all its partitions; null: done. Its key is known to be text, and its size to be allowed. */
  append(targets: readonly JointTarget[], publish: JointRecord): JointLack | null {
    const { memory } = this.#thread
    if (!this.#mayJoin(targets)) {
      this.#sealEarly()
      const lack = this.#begin(targets)
      if (lack !== null) return lack
    }
    const writers = this.#writers
    for (let index = 0; index < targets.length; index++) {
      const { producer, message } = targets[index] as JointTarget
      const writer = writers[index] as PartitionWriter
      const { key, value, headers, timestamp, fields, extraBytes } = message
      const max = producer.topic.maxMessageBytes + extraBytes
      writer.letIn(true)
      if (writeRecord(memory, writer, key, value, headers, timestamp, max, fields) !== 0)
        throw new Error(`broken invariant: a joint record had no room in partition ${writer.partition}`)
      writer.letIn(false)
      if (!writer.dirty) this.#thread.markDirty(writer)
    }
    this.#open?.add(publish)
    return null
  }

  #mayJoin(targets: readonly JointTarget[]): boolean {
    const writers = this.#writers
    if (this.#open === null || writers.length !== targets.length) return false
    const bounds = new Bounds()
    for (let index = 0; index < writers.length; index++) {
      const { producer, message } = targets[index] as JointTarget
      const writer = writers[index] as PartitionWriter
      if (producer.joint.writerOf(message.partition) !== writer || !writer.hasJointRoom(bounds.of(message)))
        return false
    }
    return true
  }

  #begin(targets: readonly JointTarget[]): JointLack | null {
    const writers = targets.map(({ producer, message }) => producer.joint.writerOf(message.partition))
    const bounds = new Bounds()
    for (const [index, writer] of writers.entries()) {
      const { message } = targets[index] as JointTarget
      const said = writer.openJoint(this, noteBytes(index === 0 ? writers.length : 0), bounds.of(message))
      if (said >= 0) continue
      for (const opened of writers.slice(0, index)) opened.abandonJoint()
      return { writer, said }
    }
    this.#writers = writers
    this.#leadFrom = (writers[0] as PartitionWriter).jointEnd
    this.#open = new JointTicket(this.#thread, writers, this.tickets)
    return null
  }

  /** The turn goes on behind these frames. */
  #sealEarly(): void {
    const [lead] = this.#writers
    if (lead === undefined) return
    const bytes = FRAME_HEADER_BYTES + ((lead.jointEnd - this.#leadFrom) | 0)
    const rings = this.#writers.length
    this.seal()
    this.#thread.publishedEarly(rings * bytes)
  }

  /** Takes what receipts there are, and calls `then` before what has become free is given away. */
  drain(then: () => void): void {
    this.#thread.drain(then)
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
    for (const [index, writer] of writers.entries())
      writer.sealJoint(name, index === 0 ? rings : LEADS_NONE, ticket.members[index] as JointMember)
    ticket.sealed()
    for (let index = writers.length - 1; index >= 0; index--) writers[index]?.publish()
  }
}

/** Partitions mostly get the same bytes, which are measured once. */
class Bounds {
  #last: EncodedMessage | null = null
  #bound = 0

  of(message: EncodedMessage): number {
    if (message !== this.#last) this.#bound = boundOfRecord(message)
    this.#last = message
    return this.#bound
  }
}
