import t from 'tap'
import { type FoundLog, halfDone } from './half-done.ts'

/** Logs that the pass took from 10 to 20, by where they were found to end; a `j` in front: it is journalled, a `-`: it is gone. */
function cutOf(...found: readonly string[]): number[] {
  const note = found.map((_, topic) => ({ topic, partition: 0, before: 10, after: 20 }))
  const logs = found.map((text, topic): (FoundLog & { readonly topic: number }) | undefined => {
    return text === '-'
      ? undefined
      : { topic, endOffset: Number(text.replace('j', '')), isJournalled: text.startsWith('j') }
  })
  const cut = halfDone(note, ({ topic }) => logs[topic])
  t.ok(cut.every(({ before }) => before === 10))
  return cut.map(({ log }) => log.topic)
}

t.test('a pass that is whole, or not there, cuts nothing', async t => {
  t.same(
    halfDone([], () => undefined),
    [],
  )
  t.same(cutOf('20', '20', 'j20'), [])
  t.same(cutOf('10', '10', 'j10'), [])
  t.same(cutOf('20', '-', 'j20'), [], 'the topic of one is gone')
})

t.test('a log that lacks something cuts the others, and itself', async t => {
  t.same(cutOf('20', '10', '20'), [0, 2])
  t.same(cutOf('20', '15', '20'), [0, 1, 2])
  t.same(cutOf('j20', 'j12'), [0, 1])
})

t.test('a log that lost what it had before is not to be cut further', async t => {
  t.same(cutOf('4', '20'), [1])
})

t.test('what is in no journal cuts nothing that is, and not the other way round', async t => {
  t.same(cutOf('j20', '10', 'j20'), [])
  t.same(cutOf('j20', '20', '15', 'j20'), [1, 2])
  t.same(cutOf('j10', '20', 'j20'), [1, 2])
})

t.test('a log that was appended to later says that the pass was whole, whatever others have lost', async t => {
  t.same(cutOf('21', '10', 'j20'), [])
  t.same(cutOf('20', '3', 'j25'), [])
})
