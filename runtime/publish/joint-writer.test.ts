/** Joint frames that are in rings: what can be taken out of them. */
import { Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { RECEIPT_APPENDED } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { beginsTaking } from '../wire/joint-note.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import type { JointTarget } from './joint-target.ts'
import type { JointRecord } from './joint-ticket.ts'
import { JointWriter } from './joint-writer.ts'
import { PartitionWriter } from './partition-writer.ts'
import { writeRecord } from './record-writer.ts'

const CAPACITY = 1_024
const WORDS = 32_768

/** A thread with a ring into each of two partitions of a host. */
class Place {
  readonly memory: Memory = Memory.allocate(65_536)
  readonly writers: readonly PartitionWriter[] = [0, 1].map(
    partition => new PartitionWriter(this.memory, this.ring(partition), 1),
  )
  rung = 0
  readonly joints: JointWriter

  constructor() {
    const thread: Pick<AttachedThread, 'memory' | 'markDirty' | 'publishedEarly' | 'ringHost'> = {
      memory: this.memory,
      markDirty: () => undefined,
      publishedEarly: () => undefined,
      ringHost: () => this.rung++,
    }
    this.joints = new JointWriter(thread as AttachedThread)
  }

  ring(partition: number, ring = partition + 1): RingPlace {
    const address = 128 + partition * ((ringBytes(CAPACITY) + 127) & ~127)
    return { ring, partition, host: 0, address, capacity: CAPACITY, words: WORDS, widest: CAPACITY }
  }

  /** Sends a message to both. */
  send(value: string): Sent {
    const sent = new Sent()
    const message = { key: null, value, headers: null, timestamp: undefined, fields: null, extraBytes: 0 }
    const targets = this.writers.map((writer, at) => ({
      at,
      producer: { topic: { maxMessageBytes: CAPACITY }, joint: { writerOf: () => writer } },
      message: { ...message, partition: 0 },
    }))
    if (this.joints.append(targets as unknown as JointTarget[], sent) !== null) throw new Error('no room')
    this.joints.seal()
    return sent
  }

  /** The host takes and releases all that is in the rings. */
  release(): void {
    for (const partition of this.writers.keys()) {
      const ring = new RingConsumer(this.memory, this.ring(partition).address, CAPACITY)
      ring.poll()
      for (let at = ring.next(); at !== -1; at = ring.next()) ring.advance(this.memory.i32[at >> 2] as number)
      ring.release()
    }
  }

  /** Others write until the rings are full. */
  fill(): void {
    for (const writer of this.writers) {
      while (writeRecord(this.memory, writer, null, 'x'.repeat(100), null, undefined, CAPACITY) === 0) writer.seal()
      writer.seal()
    }
  }

  get bytes(): string {
    return this.memory.bytes.toString('latin1', 0, WORDS)
  }

  /** Both partitions have taken the first frame. */
  answer(): void {
    for (const writer of this.writers) {
      const { ring, ringEnd } = writer.tickets.oldest as { ring: number; ringEnd: number }
      writer.receipt(ring, ringEnd, 0, RECEIPT_APPENDED)
    }
  }
}

class Sent implements JointRecord {
  done = false
  ticket: JointRecord['ticket'] = null
  said = ''

  answered(): void {
    this.done = true
    this.said = 'answered'
  }
}

t.test('a message is taken out of frames that no host has released, and out of no other bytes', async t => {
  const place = new Place()
  const kept = place.send('kept')
  t.equal(kept.ticket?.withdraw(kept), true)
  const released = place.send('released')
  place.release()
  place.fill()
  const { bytes } = place
  t.equal(released.ticket?.withdraw(released), false)
  t.ok(place.bytes === bytes, 'what is there now is as it was written')
})

t.test('nothing is written into a ring that was replaced', async t => {
  const place = new Place()
  const sent = place.send('sent')
  for (const [partition, writer] of place.writers.entries()) writer.moveTo(place.ring(partition + 2, partition + 3))
  const { bytes } = place
  t.equal(sent.ticket?.withdraw(sent), false)
  t.ok(place.bytes === bytes)
})

t.test('a host that left the frames for an edit that comes to nothing is told to look again', async t => {
  const place = new Place()
  const sent = place.send('sent')
  const note = sent.ticket?.members[0]?.note as number
  t.equal(beginsTaking(place.memory, note), true)
  place.rung = 0
  t.equal(sent.ticket?.withdraw(sent), false)
  t.equal(place.rung, 2)
})
