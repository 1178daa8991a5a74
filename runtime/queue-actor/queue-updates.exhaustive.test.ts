/** What was updated of a queue's messages is known to each host that follows, in memory and on disk. */
import t from 'tap'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { Chance } from '../proof/sim/chance.ts'
import { clock, Line, later } from './queue-line.fixture.ts'

const SEEDS = 150

/** Plays updates between sends, hand-outs, ends, waits and deaths: what is seen of each message is the same after a death. */
function play(isOnDisk: boolean, seed: number): string | null {
  const chance = new Chance(seed)
  const keys = chance.happens(0.4) ? { keyConcurrency: 1, keyOrder: chance.pick(['fifo', 'fair']) } : {}
  const line = new Line(isOnDisk, keys)
  let sent = 0
  for (let step = 0; step < 60; step++) {
    const roll = chance.below(10)
    if (roll < 2) {
      const times = chance.happens(0.3)
        ? { delayMs: chance.pick([5, 50]), ...(chance.happens(0.5) ? { ttlMs: 60 } : {}) }
        : {}
      line.send(2, { priority: chance.below(3), key: chance.pick(['a', 'b', 'c']), ...times })
      sent += 2
    } else if (roll < 6) {
      const dueMs = chance.happens(0.4) ? clock.nowMs + chance.pick([-1, 0, 10, 90]) : null
      const livesMs = chance.happens(0.3) ? chance.pick([30, 300, Number.POSITIVE_INFINITY]) : null
      const priority = chance.happens(0.6) ? chance.below(3) : null
      try {
        line.update(chance.below(sent + 1), { priority, dueMs, livesMs })
      } catch {
        // As many are updated as can be kept.
      }
    } else if (roll < 7) later(chance.pick([1, 10, 40]))
    else if (roll < 8) {
      const end = line.house.attach(3)
      line.house.pass()
      end.take()
      for (let left = 2; left > 0; left--) {
        const begun = end.begin()
        if (begun !== null) end.end(begun, chance.pick(['ack', 'release', 'release']))
      }
      end.yield()
      end.claims.publish()
      line.house.close(end, null)
    }
    line.house.pass()
    const before = JSON.stringify(line.seen())
    line.dies(chance.happens(0.5))
    const after = JSON.stringify(line.seen())
    if (after !== before && keys.keyOrder !== 'fair')
      return `${isOnDisk} ${seed}, step ${step} roll ${roll} at ${clock.wallMs}:\n${before}\n${after}`
  }
  return null
}

for (const isOnDisk of [false, true])
  t.test(`what is seen of messages is the same after a death, ${isOnDisk ? 'on disk' : 'in memory'}`, async t => {
    const found = [...drawn(SEEDS, isOnDisk ? 1 : 2)].map(seed => play(isOnDisk, seed)).filter(each => each !== null)
    t.strictSame(found, [])
  })
