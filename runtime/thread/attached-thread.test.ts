/** What a thread takes out of its links, also when those that are told of it look for more. */
import t from 'tap'
import { linkedThread } from './linked-thread.fixture.ts'
import type { RingWriter } from './ring-writer.ts'

t.test('whoever is told of an answer may look for others: each is told once, and its room is free', async t => {
  const { thread, link } = linkedThread(t)
  const room = link.room()
  const told: string[] = []
  // As a listener of `publishFailed` does that publishes to a topic which is full.
  const looks = (what: string): void => {
    told.push(what)
    // Without end where a look finds again what is in hand.
    if (told.length < 10) t.equal(thread.drain(), false, 'as if nothing had come')
  }
  thread.topicGone = topic => looks(`gone ${topic}`)
  const writer = { ring: 7, receipt: (ring: number, end: number) => looks(`receipt ${ring} ${end}`) }
  thread.addWriter(writer as unknown as RingWriter, { serve: () => void told.push(`served, ${thread.drain()}`) })
  link.receipt(7, 1 as never, 0 as never, 0)
  link.gone(5)
  for (const end of [2, 3]) link.receipt(7, end as never, 0 as never, 0)
  link.publish()
  t.equal(thread.drain(), true)
  t.strictSame(told, ['receipt 7 1', 'gone 5', 'receipt 7 2', 'receipt 7 3', 'served, false'])
  t.equal(link.room(), room)
  t.equal(thread.drain(), false)
  link.receipt(7, 4 as never, 0 as never, 0)
  link.publish()
  t.equal(thread.drain(), true)
  t.strictSame(told.slice(5), ['receipt 7 4', 'served, false'], 'and those that come later')
})

t.test('a listener that throws does not keep its thread from looking on', async t => {
  const { thread, link } = linkedThread(t)
  const told: number[] = []
  thread.topicGone = topic => {
    told.push(topic)
    if (topic === 1) throw new Error('a defect')
  }
  link.gone(1)
  t.throws(() => thread.drain(), /a defect/)
  link.gone(2)
  thread.topicGone = topic => void told.push(topic)
  thread.drain()
  t.ok(told.includes(2))
})
