import t from 'tap'
import { drawn } from '../../proof/fixtures/portion.fixture.ts'
import { type Explored, explore } from './lock-explorer.fixture.ts'
import { contender, DEAD, EMPTY, HELD, holder, type Scene } from './lock-model.fixture.ts'
import { AFTER, LOCK } from './lock-names.ts'

const heirs = (count: number) => ['a', 'b', 'c'].slice(0, count).map(contender)
const deadHeir = { ...DEAD, locks: { [LOCK]: 'd', [`${AFTER}d`]: 'e', 'draft-e': 'e' } }

/** What is explored, with so many deaths, and whether one must hold in the end where nobody died. */
const SCENES: readonly (readonly [string, Scene, number, boolean])[] = [
  ['three heirs of a dead holder', { folder: DEAD, peers: heirs(3) }, 3, true],
  ['three in an empty folder', { folder: EMPTY, peers: heirs(3) }, 1, true],
  ['three in a copy', { folder: { ...DEAD, sockets: {} }, peers: heirs(3) }, 1, true],
  ['three heirs of a dead heir', { folder: deadHeir, peers: heirs(3) }, 1, true],
  ['two that come while a holder gives up', { folder: HELD, peers: [holder('d', 'd', true), ...heirs(2)] }, 2, false],
]

for (const at of drawn(SCENES.length)) {
  const [what, scene, deaths, isOne] = SCENES[at] as (typeof SCENES)[number]
  t.test(`one holds at a time, and the next gets in, whatever the order and whoever dies: ${what}`, async t => {
    const { states, ends }: Explored = explore(scene, deaths)
    t.comment(`${states} states, ends: ${ends.join(', ')}`)
    t.ok(states > 1_000)
    const count = scene.peers.length
    if (isOne)
      t.notOk(
        ends.some(end => end.endsWith(` of ${count}`) && end !== `1 of ${count}`),
        ends.join(', '),
      )
  })
}
