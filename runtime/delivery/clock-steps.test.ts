/** A wall clock that is set, or that stands still, moves no retry: in each way of reading, with handlers on this thread. */

import t from 'tap'
import type { Group } from '../index.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { readInWay, WAYS } from './fixtures/once.fixture.ts'
import { freezeDate, stepDate } from './fixtures/stepped-date.fixture.ts'

const HOUR_MS = 3_600_000
const RETRIES = { backoff: { initialMs: 400, maxMs: 400, jitter: 0 } } as const
const STEPS = {
  'an hour back': () => stepDate(-HOUR_MS),
  'an hour ahead': () => stepDate(HOUR_MS),
  'a clock that stands still in 2001': () => freezeDate(Date.UTC(2001, 8, 9)),
  'thirty days back': () => stepDate(-30 * 24 * HOUR_MS),
} as const

const failures = async (groups: readonly Group<unknown>[], count: number): Promise<boolean> =>
  (await Promise.all(groups.map(group => group.stats()))).every(stats => stats.failures === count)
const areThrough = async (groups: readonly Group<unknown>[]): Promise<boolean> =>
  (await Promise.all(groups.map(group => group.stats()))).every(({ lag }) => lag === 0)

for (const [name, step] of Object.entries(STEPS)) {
  t.test(`a record that waits for its retry gets it: ${name}`, async t => {
    t.teardown(() => stepDate(0))
    const topics = await Promise.all(WAYS.map(() => newTopic<unknown>()))
    const groups = topics.map(topic => topic.group('g'))
    const stops = await Promise.all(WAYS.map((way, index) => readInWay(groups[index] as Group<unknown>, way, RETRIES)))
    await Promise.all(topics.map(topic => topic.publish({ key: 'a', value: 1 })))
    await until(() => failures(groups, 1))
    step()
    await until(() => areThrough(groups), 'the retry of each way')
    t.ok(await failures(groups, 1), 'each record failed once')
    await Promise.all(stops.map(stop => stop()))
  })
}
