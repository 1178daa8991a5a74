/**
 * Goes through all orders in which contenders for a folder take their steps (lock-model.fixture.ts), with deaths at any of them.
 *
 * What must hold in each state: at most one holds the folder, and it answers at its socket; and if all died now, one that came then would become
 * the holder. Contenders that have done the same are alike, so a state is known again whoever is who in it.
 *
 * Bounds: STATES_MAX states; beyond them it throws.
 */
import {
  CONTROL,
  canStep,
  contender,
  die,
  type Folder,
  isPrivate,
  lives,
  type Peer,
  type Scene,
  step,
} from './lock-model.fixture.ts'

const STATES_MAX = 2_000_000
/** More than any contender takes alone. */
const STEPS_MAX = 300

export interface Explored {
  readonly states: number
  /** `1 of 2`: one holds, of two that are not dead, when nobody has anything left to do. */
  readonly ends: readonly string[]
}

interface Visit {
  readonly scene: Scene
  readonly deaths: number
  readonly before: Visit | null
  readonly step: string
}

/** Explores a scene with up to so many deaths. @throws with the steps that lead there, where something is wrong */
export function explore(start: Scene, deaths: number): Explored {
  const alike = permutations(start.peers.filter(({ phase }) => phase === 'contends').map(({ name }) => name))
  const seen = new Set<string>()
  const inherited = new Map<string, boolean>()
  const ends = new Set<string>()
  const open: Visit[] = [{ scene: start, deaths, before: null, step: 'begin' }]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { scene, deaths: left } = at
    const key = `${left} ${keyOf(scene, alike)}`
    if (seen.has(key)) continue
    seen.add(key)
    if (seen.size > STATES_MAX) throw new Error(`more than ${STATES_MAX} states`)
    const folder = entriesOf(scene.folder).sort().join()
    const isInherited = inherited.get(folder) ?? letsIn(scene.folder)
    inherited.set(folder, isInherited)
    const wrong = isInherited ? wrongIn(scene) : 'nobody gets in when all are dead'
    if (wrong !== null) throw new Error(`${wrong}: ${pathTo(at)}: ${JSON.stringify(scene.folder)}`)
    const moves = movesOf(at)
    if (moves.length === 0 || !scene.peers.some(canStep)) ends.add(endOf(scene))
    open.push(...moves)
  }
  return { states: seen.size, ends: [...ends].sort() }
}

function movesOf(at: Visit): Visit[] {
  const { scene, deaths } = at
  const moves: Visit[] = []
  const first = scene.peers.findIndex(isPrivate)
  for (const [index, peer] of scene.peers.entries()) {
    if (first !== -1 && index !== first) continue
    if (canStep(peer))
      moves.push({ scene: step(scene, index), deaths, before: at, step: `${peer.name} ${doing(peer)}` })
    if (deaths > 0 && first === -1 && peer.phase !== 'dead' && peer.phase !== 'gone')
      moves.push({ scene: die(scene, index), deaths: deaths - 1, before: at, step: `${peer.name} dies` })
  }
  return moves
}

function doing({ todo, candidacy }: Peer): string {
  return todo[0] ?? candidacy.act?.do ?? 'gives up'
}

function wrongIn({ folder, peers }: Scene): string | null {
  const holding = peers.filter(({ phase }) => phase === 'holds')
  if (holding.length > 1) return 'two hold the folder'
  return holding.every(({ token }) => isReached(folder, token as string)) ? null : 'a holder does not answer'
}

/** Whether those who ask for a holder find it. */
function isReached(folder: Folder, token: string): boolean {
  return lives(folder, token) || (folder.sockets[CONTROL] === token && lives(folder, CONTROL))
}

/** Whether one that comes when all others are dead becomes the holder. */
function letsIn(folder: Folder): boolean {
  let scene: Scene = { folder: { ...folder, listening: [] }, peers: [contender('z')] }
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const [peer] = scene.peers
    if (peer?.phase !== 'contends') return peer?.phase === 'holds'
    scene = step(scene, 0)
  }
  return false
}

function endOf({ peers }: Scene): string {
  const count = (phase: Peer['phase']): number => peers.filter(peer => peer.phase === phase).length
  return `${count('holds')} of ${peers.length - count('dead')}`
}

function pathTo(visit: Visit): string {
  const steps: string[] = []
  for (let at: Visit | null = visit; at !== null; at = at.before) steps.push(at.step)
  return steps.reverse().join(', ')
}

/** Who is who: new names, and the old ones in the order of the new. */
interface Renaming {
  readonly names: ReadonlyMap<string, string>
  readonly order: readonly string[]
}

const TOKENS = /\b[a-c](?=\d)/g

function entriesOf({ locks, sockets }: Folder): string[] {
  return [locks, sockets].flatMap(named => Object.entries(named).map(entry => entry.join('=')))
}

/** The same for all states that differ by who is who of those alike, or by the order in which names came to be. */
function keyOf({ folder, peers }: Scene, alike: readonly Renaming[]): string {
  const own = peers.map(peerKey)
  const signs = new Map(peers.map(({ name }, at) => [name, own[at]?.replaceAll(TOKENS, '#') ?? '']))
  const parts = [...entriesOf(folder), ...folder.listening]
  let least = ''
  for (const { names, order } of alike) {
    // Of those that differ without their names, the order is given.
    if (order.some((name, at) => at > 0 && (signs.get(name) ?? '') < (signs.get(order[at - 1] ?? '') ?? ''))) continue
    const renamed = (text: string): string => text.replaceAll(TOKENS, name => names.get(name) ?? name)
    const who = peers.map(({ name }, at) => `${names.get(name) ?? '-'}${renamed(own[at] ?? '')}`)
    const key = `${parts.map(renamed).sort().join()}|${who.sort().join('|')}`
    if (least === '' || key < least) least = key
  }
  return least
}

/** What the dead and gone had in mind is nothing to the others. */
function peerKey({ phase, token, drawn, todo, candidacy }: Peer): string {
  if (phase === 'dead' || phase === 'gone') return phase
  const { stage, last } = candidacy
  const rest = candidacy.act === null ? [] : [candidacy.follows, candidacy.linkedAs, candidacy.tries, candidacy.pauses]
  return [phase, token, drawn, ...todo, stage, last, ...rest].join()
}

function permutations(names: readonly string[]): Renaming[] {
  const orders = (left: readonly string[]): string[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap(first => orders(left.filter(name => name !== first)).map(rest => [first, ...rest]))
  return orders(names).map(order => ({ order, names: new Map(order.map((name, at) => [name, names[at] as string])) }))
}
