/**
 * Tests of what one broker leaves in its folder for the next. They share the folder and both brokers, each with topics of
 * its own: opening a folder costs more than what a test does with it.
 */
import root, { type Test } from 'tap'
import { folderOf } from './broker.fixture.ts'
import type { Broker, BrokerOptions } from './index.ts'

/** What is to be found by the next broker. */
export type Afterwards = (t: Test, second: Broker) => Promise<void>

/** By title: what is done before the folder is closed, and returns what holds afterwards. `open` opens it once more. */
export interface TwoLives {
  readonly [title: string]: (t: Test, first: Broker, open: () => Promise<Broker>) => Promise<Afterwards>
}

/** Runs the first halves of all tests, opens the folder again, and runs the second halves. */
export function twoLives(tests: TwoLives, options: BrokerOptions = {}): void {
  root.test('one broker, and the next on its folder', async t => {
    const { open } = folderOf(t)
    const first = await open(options)
    const left = new Map<string, Afterwards>()
    for (const [title, test] of Object.entries(tests))
      await t.test(`${title}: before`, async t => {
        left.set(title, await test(t, first, () => open(options)))
      })
    await first.close()
    const second = await open(options)
    for (const [title, afterwards] of left) await t.test(title, t => afterwards(t, second))
  })
}
