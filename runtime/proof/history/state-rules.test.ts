/** What the rules on stopped consumers and kept states see: histories in which all is well, and ones in which it is not. */
import t from 'tap'
import { FACTS } from './facts.fixture.ts'
import { GROUP_RULES } from './group-rules.ts'
import type { GroupFacts, History, HistoryEvent } from './history.ts'
import { STATE_RULES } from './state-rules.ts'

type Durability = 'memory' | 'os' | 'fsync'

function historyOf(events: readonly HistoryEvent[], facts: Partial<GroupFacts>, durability: Durability): History {
  const stored = new Map([['in', { durability, isRetained: false }]])
  return { events, groups: [{ ...FACTS, ...facts }], readTopics: [], drained: [], stored }
}

function judge(
  events: readonly HistoryEvent[],
  facts: Partial<GroupFacts> = {},
  durability: Durability = 'fsync',
): string[] {
  return STATE_RULES.flatMap(rule => rule(historyOf(events, facts, durability)))
}

const at = (consumer: string, offset: number) => ({ group: 'g', consumer, topic: 'in', partition: 0, offset })

function delivered(consumer: string, offset: number): HistoryEvent {
  return {
    kind: 'delivered',
    ...at(consumer, offset),
    id: `${offset}`,
    key: null,
    deliveryAttempt: 1,
    failedAttempts: 0,
  }
}

function handled(consumer: string, offset: number): HistoryEvent[] {
  return [delivered(consumer, offset), { kind: 'settled', ...at(consumer, offset), how: 'handled', deliveryAttempt: 1 }]
}

function overdue(consumer: string, offset: number): HistoryEvent {
  return { kind: 'overdue', ...at(consumer, offset), deliveryAttempt: 1 }
}

function began(consumer: string, state: readonly number[]): HistoryEvent {
  return { kind: 'began', group: 'g', topic: 'in', partition: 0, consumer, state }
}

const stopped = (consumer: string): HistoryEvent => ({ kind: 'stopped', group: 'g', consumer })
const ended = (consumer: string): HistoryEvent => ({ kind: 'ended', consumer })
const died = (how: 'killed' | 'power'): HistoryEvent => ({ kind: 'died', how, isWhole: false, atMs: 1 })

t.test('what was handled before a consumer stopped does not come again', async t => {
  const first = [...handled('c1', 0), stopped('c1')]
  t.strictSame(judge([...first, ...handled('c2', 1)]), [])
  t.match(judge([...first, delivered('c2', 0)]), [/A4: c2 got in\/0@0, which c1 had handled before it stopped/])
  t.strictSame(judge([...handled('c1', 0), ended('c1'), delivered('c2', 0)]), [], 'a thread that died')
  t.strictSame(judge([...first, died('killed'), delivered('c2', 0)]), [], 'of another process')
  t.strictSame(judge([...first, overdue('c1', 0), delivered('c2', 0)]), [], 'its time was over')
})

t.test(
  'what was handled before a consumer stopped may come again once the disk has failed, in that process',
  async t => {
    const failed: HistoryEvent = { kind: 'diskFailed' }
    const again = [...handled('c1', 0), stopped('c1'), delivered('c2', 0)]
    t.strictSame(judge([failed, ...again]), [])
    t.strictSame(judge([...again.slice(0, -1), failed, ...again.slice(-1)]), [])
    t.match(judge([failed, died('killed'), ...again]), [/A4: c2 got in\/0@0/])
  },
)

t.test('a consumer that has stopped has nothing in hand', async t => {
  t.match(judge([stopped('c1'), delivered('c1', 0)]), [/A4: c1 had in\/0@0 in hand after it had stopped/])
  t.strictSame(judge([stopped('c1'), ended('c1'), delivered('c1', 0)]), [], 'a thread that was to end')
})

t.test('a state has every record that its group has settled, once', async t => {
  const first = [began('c1', []), ...handled('c1', 0), ...handled('c1', 1)]
  t.strictSame(judge([...first, ended('c1'), began('c2', [0, 1]), ...handled('c2', 2)]), [])
  const lost = [...first, died('power'), began('c2', []), delivered('c2', 2)]
  t.match(judge(lost), [/A6: c2 goes on at 2, and its state has not seen 0/, /has not seen 1/])
  t.match(judge([...first, began('c2', [0, 1]), delivered('c2', 1)]), [/A6: c2 got in\/0@1, which is in its state/])
  t.strictSame(judge([...lost, overdue('c1', 0), overdue('c1', 1)]), [], 'what became of them is not known')
  const refused = first.map(event => (event.kind === 'settled' ? { ...event, mayFail: true } : event))
  t.strictSame(judge([...refused, began('c2', [0, 1]), delivered('c2', 1)]), [], 'what it put out was refused')
  t.strictSame(judge(lost, {}, 'os'), [], 'what the state has seen may be gone')
  t.match(judge([...first, died('killed'), began('c2', []), delivered('c2', 2)], {}, 'os'), [
    /not seen 0/,
    /not seen 1/,
  ])
  const letter: HistoryEvent = {
    ...{ kind: 'letter', topic: 'in.g.dlq', partition: 0, offset: 0, id: '1', key: null, group: 'g', replayed: 0 },
    ...{ source: { topic: 'in', partition: 0, offset: 1 }, reason: 'failed', failedAttempts: 2 },
  }
  t.strictSame(judge([began('c1', []), ...handled('c1', 0), delivered('c1', 2), letter]), [], 'a dead letter')
})

t.test('at most once holds through processes as far as the durability of the topic does', async t => {
  const twice = (how: 'killed' | 'power', durability: Durability): string[] => {
    const events = [delivered('c1', 0), ended('c1'), died(how), delivered('c2', 0)]
    const history = historyOf(events, { atMostOnce: true }, durability)
    return GROUP_RULES.flatMap(rule => rule(history)).filter(problem => problem.startsWith('at most once'))
  }
  t.match(twice('power', 'fsync'), [/in\/0@0 was given to c1, and again to c2/])
  t.match(twice('killed', 'os'), [/again to c2/])
  t.strictSame(twice('power', 'os'), [])
  t.strictSame(twice('killed', 'memory'), [])
})
