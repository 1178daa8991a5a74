/**
 * Goes through all orders in which contenders for a folder take their steps (lock-model.fixture.ts), with deaths at any of them.
 *
 * What must hold in each state: at most one holds the folder, and it answers at its socket; and if all died now, one that came then would become
 * the holder. Contenders that have done the same are alike, so a state is known again whoever is who in it.
 *
 * Bounds: STATES_MAX states; beyond them it throws.
 */
import { canStep, contender, die, type Folder, isPrivate, type Peer, type Scene, step } from './lock-model.fixture.ts'

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
    const folder = keyOf({ folder: { ...scene.folder, listening: [] }, peers: [] }, alike)
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
  return holding.every(({ token }) => folder.listening.includes(token as string)) ? null : 'a holder does not answer'
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

/** The same for all states that differ by who is who of those alike, or by the order in which names came to be. */
function keyOf({ folder: { locks, sockets, listening }, peers }: Scene, alike: readonly Map<string, string>[]): string {
  const entries = [locks, sockets].flatMap(named => Object.entries(named).map(entry => entry.join('=')))
  const own = peers.map(peerKey)
  let least = ''
  for (const names of alike) {
    const renamed = (text: string): string => text.replace(/\b[a-c](?=\d)/g, name => names.get(name) ?? name)
    const key = [entries, listening, own]
      .map((part, at) =>
        part.map((text, i) => (at === 2 ? (names.get(peers[i]?.name ?? '') ?? '-') : '') + renamed(text)).sort(),
      )
      .join('|')
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

function permutations(names: readonly string[]): Map<string, string>[] {
  const orders = (left: readonly string[]): string[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap(first => orders(left.filter(name => name !== first)).map(rest => [first, ...rest]))
  return orders(names).map(order => new Map(names.map((name, at) => [name, order[at] as string])))
}
