import t from 'tap'
import { begin, type Candidacy, next } from './lock-election.ts'
import { explore } from './lock-explorer.fixture.ts'
import { contender, DEAD, EMPTY, HELD, holder, type Scene } from './lock-model.fixture.ts'
import { AFTER, LOCK } from './lock-names.ts'

/** Goes on with answers by what is asked; where there is none left, it stays. */
function answered(answers: Readonly<Record<string, (string | null)[]>>, from: Candidacy = begin()): Candidacy {
  let candidacy = from
  while (candidacy.act !== null) {
    const { do: what } = candidacy.act
    const left = answers[what === 'read' ? `read ${candidacy.act.file}` : what]
    if (left === undefined || left.length === 0) return candidacy
    candidacy = next(candidacy, left.shift() as string | null)
  }
  return candidacy
}

t.test('a holder that lives, or of which nobody can tell, keeps the folder', async t => {
  const chain = { [`read ${LOCK}`]: ['d'], [`read ${AFTER}d`]: [null] }
  t.match(answered({ ...structuredClone(chain), ask: ['alive'] }), { stage: 'lost', last: 'd', loss: 'held' })
  t.match(answered({ ...structuredClone(chain), ask: ['elsewhere'] }), { stage: 'lost', last: 'd', loss: 'elsewhere' })
  const answers = { ...structuredClone(chain), ask: ['dead'], 'ask control': ['alive'] }
  t.match(answered(answers), { stage: 'lost', last: 'd', loss: 'held' })
})

t.test('an heir whose link was outdated gives way, even where nobody lives', async t => {
  const ask = { ask: ['dead'], 'ask control': ['dead'], stand: ['a'], link: ['done'] }
  const look = { [`read ${LOCK}`]: ['d', 'b'], [`read ${AFTER}d`]: [null], [`read ${AFTER}b`]: [null] }
  t.match(answered({ ...ask, ...look }), { stage: 'withdraws', act: { do: 'withdraw', linkedAs: `${AFTER}d` } })
})

t.test('somebody who answers without a lock file is asked again, but not for ever', async t => {
  const many = (answer: string | null): (string | null)[] => Array.from({ length: 99 }, () => answer)
  const answers = { [`read ${LOCK}`]: many(null), 'ask control': many('alive'), pause: many(null) }
  t.match(answered(answers), { stage: 'lost', last: null, loss: 'unnamed' })
  t.match(answered({ [`read ${LOCK}`]: [null], 'ask control': ['dead'] }), { stage: 'stands', act: { do: 'stand' } })
})

t.test('a chain without an end is given up', async t => {
  let candidacy: Candidacy = begin()
  let length = 0
  for (; candidacy.act !== null && candidacy.act.do === 'read'; length++) candidacy = next(candidacy, `t${length}`)
  t.match(candidacy, { stage: 'lost', loss: 'too long' })
  t.equal(length, 1_000)
})

t.test('of two heirs one holds, whatever the order and whoever dies', async t => {
  const dead = { ...DEAD, locks: { [LOCK]: 'd', [`${AFTER}d`]: 'e', 'draft-e': 'e' } }
  for (const folder of [EMPTY, DEAD, { ...DEAD, sockets: {} }, dead]) {
    const scene: Scene = { folder, peers: ['a', 'b'].map(contender) }
    t.strictSame(explore(scene, 0).ends, ['1 of 2'])
    const { states, ends } = explore(scene, 2)
    t.ok(states > 400, `${states} states`)
    t.strictSame(ends, ['0 of 0', '0 of 1', '1 of 1', '1 of 2'])
  }
})

t.test('nobody gets in beside a holder whose lock file or control.sock was removed', async t => {
  const { control: _, ...sockets } = HELD.sockets
  for (const folder of [
    { ...HELD, locks: {} },
    { ...HELD, sockets },
  ])
    t.strictSame(explore({ folder, peers: [holder('d', 'd', false), contender('a')] }, 0).ends, ['1 of 2'])
})

t.test('an heir of a holder that gives the folder up comes after it, or is refused', async t => {
  const { ends } = explore({ folder: HELD, peers: [holder('d', 'd', true), contender('a')] }, 1)
  t.strictSame(ends, ['0 of 1', '0 of 2', '1 of 1', '1 of 2'])
})
