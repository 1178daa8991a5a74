/** What the judge of schedules says of what may not come to a target, and of what is left out. */
import t from 'tap'
import type { Durability } from '../../words/message.ts'
import { TickJudge } from './tick-judge.ts'
import type { TickSchedulePlan } from './tick-plan.ts'
import { gapsOf, ticksIn } from './tick-spans.ts'

const PLAN: TickSchedulePlan = {
  name: 's',
  cron: null,
  everyMs: 10,
  missed: 'all',
  overlap: 'send',
  target: 'queue',
  padBytes: 0,
}

interface Setting {
  readonly plan?: Partial<TickSchedulePlan>
  readonly durability?: Durability
  readonly isSteady?: boolean
}

class Played {
  readonly judge: TickJudge
  #offset = 0

  constructor({ plan = {}, durability = 'fsync', isSteady = true }: Setting = {}) {
    this.judge = new TickJudge(new Map([['q', { durability }]]), isSteady)
    this.judge.begins(false)
    this.judge.making({ ...PLAN, ...plan }, 's', ['q'], 3)
    this.judge.made('s', 13)
  }

  come(tickMs: number, offset = this.#offset++, wallMs = tickMs): this {
    const tick = { schedule: 's', target: 'q', tickMs, partition: 0, offset }
    this.judge.came(tick, wallMs)
    this.judge.done(tick)
    return this
  }

  tell(reason: 'missed' | 'overlap', firstMs: number, lastMs: number, count: number): this {
    this.judge.told('s', { reason, firstMs, lastMs, count, wallMs: lastMs })
    return this
  }

  get said(): string {
    this.judge.ended()
    return this.judge.problems.join('; ')
  }
}

t.test('each tick is in its target once, at an instant of its rhythm', async t => {
  t.equal(new Played().come(13).come(23).come(33).said, '')
  t.equal(new Played().come(13, 0).come(13, 0).said, '', 'a message that comes again is the same')
  t.match(new Played().come(13, 0).come(13, 1).said, /is in q at 0 and at 1/)
  t.match(new Played().come(14).said, /is none of its ticks/)
  t.match(new Played().come(13, 0, 11).said, /came at 11, before its time/)
  t.match(new Played().come(23, 0).come(13, 1).said, /is in q before that of 13/)
})

t.test('a process that goes on has the rhythm that there was, and what was sent is not sent again', async t => {
  const again = new Played().come(13, 0)
  again.judge.begins(true)
  again.judge.found([{ name: 's', paused: false }], 20)
  again.judge.made('s', 24)
  again.come(13, 7)
  t.match(again.said, /another rhythm.*is in q at 0 and at 7/)
  const lost = new Played({ durability: 'memory' }).come(13, 0)
  lost.judge.begins(false)
  t.equal(lost.come(13, 0).said, '', 'a target in memory has it once for each process')
  const gone = new Played()
  gone.judge.begins(false)
  gone.judge.found([], 20)
  t.match(gone.said, /is not there any more/)
})

t.test('with `all` nothing is left out, and otherwise what was told is right', async t => {
  t.match(new Played().come(13).come(33).said, /has 1 gaps in q, and may have 0: 23 to 23/)
  t.match(new Played().come(13).tell('missed', 23, 23, 1).come(33).said, /were missed, which sends all/)
  const once = { plan: { missed: 'once' as const } }
  t.equal(new Played(once).come(13).tell('missed', 23, 33, 2).come(43).said, '')
  t.match(new Played(once).come(13).tell('missed', 23, 33, 3).come(43).said, /told of 3 ticks.* and there are 2/)
  t.match(new Played(once).come(13).come(23).tell('missed', 23, 33, 2).come(43).said, /was told as missed, and is in q/)
  t.match(
    new Played(once).come(13).tell('missed', 23, 23, 1).tell('missed', 33, 33, 1).come(43).said,
    /were missed, and sent neither/,
  )
  t.match(new Played(once).come(13).tell('overlap', 23, 23, 1).come(33).said, /left out by an overlap/)
  const killed = new Played(once).come(13)
  killed.judge.begins(false)
  t.equal(killed.come(33).said, '', 'a process may end before it tells')
})

t.test('what is on its way to a target when the schedule is removed may be a gap, and no more than that', async t => {
  const removed = (...ticks: readonly number[]): string => {
    const played = new Played()
    for (const tick of ticks) played.come(tick)
    played.judge.removing('s')
    played.judge.removed('s', 60)
    return played.said
  }
  t.equal(removed(13, 43), '')
  t.match(removed(13, 33, 53), /has 2 gaps in q, and may have 1/)
})

t.test('nothing of a pause comes, nothing after a removal, and neither is a gap', async t => {
  const paused = (): Played => {
    const played = new Played().come(13)
    played.judge.pausing('s', 15)
    played.judge.paused('s', 16)
    played.judge.resuming('s', 40)
    played.judge.resumed('s', 41)
    return played
  }
  t.equal(paused().come(43).said, '')
  t.match(paused().come(23).said, /it was paused from 16 to 40/)
  const removed = new Played().come(13)
  removed.judge.removing('s')
  removed.judge.removed('s', 20)
  t.match(removed.come(23).said, /it was removed at 20/)
  const found = new Played()
  found.judge.pausing('s', 15)
  found.judge.paused('s', 16)
  found.judge.begins(false)
  found.judge.found([{ name: 's', paused: false }], 20)
  t.match(found.said, /was paused, and goes on/)
})

t.test('with `overlap: skip` no tick comes beside one that is not settled', async t => {
  const { judge } = new Played({ plan: { overlap: 'skip' } })
  const first = { schedule: 's', target: 'q', tickMs: 13, partition: 0, offset: 0 }
  judge.came(first, 13)
  judge.came({ ...first, tickMs: 23, offset: 1 }, 23)
  t.match(judge.problems.join(), /tick 23 of s came while that of 13 was not settled/)
})

t.test('ticks of a span, and runs of ticks that are in none', async t => {
  const rhythm = { everyMs: 10, phaseMs: 3 }
  t.equal(ticksIn(rhythm, { firstMs: 13, lastMs: 33 }), 3)
  t.equal(ticksIn(rhythm, { firstMs: 14, lastMs: 22 }), 0)
  t.strictSame(gapsOf(rhythm, [13, 43, 73], [{ firstMs: 53, lastMs: 53 }], [{ firstMs: 25, lastMs: 35 }]), [
    { firstMs: 23, lastMs: 23 },
    { firstMs: 63, lastMs: 63 },
  ])
})
