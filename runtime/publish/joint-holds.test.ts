/** What is said of publishes to several targets that wait for too long, and with what words they are given up. */
import t from 'tap'
import { JointHolds } from './joint-holds.ts'
import type { JointHolder, JointPublish } from './joint-publish.ts'

class Place {
  /** What the hosts have answered, and this thread has not read. */
  unread: () => void = () => undefined
  readonly said: string[] = []
  readonly holds: JointHolds = new JointHolds(
    {
      describeHold: async (topic, partition) => `held by ${topic}/${partition}`,
      stalled: (topic, partition, waitedMs) => void this.said.push(`${topic}/${partition} stalls for ${waitedMs}`),
    },
    () => this.said.push('gave up'),
  )
  readonly writer = {
    drain: (then: () => void): void => {
      this.unread()
      then()
    },
  }

  publish(name: string, holder: JointHolder | null, deadline = 60_000): JointPublish & { done: boolean } {
    const expire = (hold = ''): void => {
      publish.done = true
      this.said.push(`${name} is late${hold === '' ? '' : `, ${hold}`}`)
    }
    const publish = { writer: this.writer, holder, roomSince: 0, deadline, done: false, expire }
    return publish as unknown as JointPublish & { done: boolean }
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined
}

const FULL = { topic: 4, partition: 1 }

t.test('what has been answered is not overdue, though this thread was too busy to read it', async t => {
  const place = new Place()
  const answered = place.publish('answered', null, 10)
  place.unread = () => {
    answered.done = true
  }
  place.holds.sweep([answered], 10)
  place.unread = () => undefined
  const late = place.publish('late', null, 10)
  place.holds.sweep([late], 9)
  t.strictSame(place.said, [])
  place.holds.sweep([late], 10)
  t.strictSame(place.said, ['late is late'])
})

t.test('what is overdue is given up with the words of what holds it, and so is what is behind it', async t => {
  const place = new Place()
  const publishes = [
    place.publish('first', FULL, 10),
    place.publish('behind', null, 10),
    place.publish('in time', null),
  ]
  place.holds.sweep(publishes, 10)
  t.strictSame(place.said, [], 'it is asked first')
  await turns()
  t.strictSame(place.said, ['first is late, held by 4/1', 'gave up', 'behind is late, held by 4/1', 'gave up'])
})

t.test('what waits for five seconds is told once, until it goes on', async t => {
  const place = new Place()
  const publishes = [place.publish('first', FULL), place.publish('behind', null)]
  for (const now of [4_999, 5_000, 5_250, 5_500]) place.holds.sweep(publishes, now)
  t.strictSame(place.said.splice(0), ['4/1 stalls for 5250'])
  place.holds.sweep([], 5_750)
  for (const now of [6_000, 6_250]) place.holds.sweep(publishes, now)
  t.strictSame(place.said, ['4/1 stalls for 6250'])
})
