import t from 'tap'
import { LOCK } from './lock-election.ts'
import { CONTROL, canStep, contender, die, EMPTY, type Folder, holder, isPrivate, type Scene, step } from './lock-model.fixture.ts'

const HEIRS = ['a', 'b', 'c']

/** A folder whose holder `d` was killed. */
const DEAD: Folder = { locks: { [LOCK]: 'd' }, sockets: { d: 'd', [CONTROL]: 'd' }, listening: [] }
/** `d` is alive. */
const HELD: Folder = { ...DEAD, listening: ['d'] }

function folderKey({ locks, sockets }: Folder): string {
  return [locks, sockets].map(names => Object.entries(names).map(entry => entry.join()).sort().join(' ')).join('|')
}

/** A key by which states are known again: the order in which names came to be makes no difference. */
function keyOf({ folder, peers }: Scene): string {
  const of = peers.map(({ phase, token, drawn, todo, candidacy }) => {
    const { stage, last } = candidacy
    const rest = candidacy.act === null ? [] : [candidacy.follows, candidacy.linkedAs, candidacy.tries, candidacy.pauses]
    // What the dead and gone had in mind is nothing to the others.
    return phase === 'dead' || phase === 'gone' ? phase : [phase, token, drawn, todo, stage, last, ...rest].join()
  })
  return [folderKey(folder), folder.listening.join(), ...of].join('|')
}

/** Whether one that comes when all others are dead becomes the holder. */
function letsIn(folder: Folder): boolean {
  let scene: Scene = { folder: { ...folder, listening: [] }, peers: [contender('z')] }
  for (let steps = 0; steps < 200; steps++) {
    const [peer] = scene.peers
    if (peer?.phase !== 'contends') return peer?.phase === 'holds'
    scene = step(scene, 0)
  }
  return false
}

interface Visit {
  readonly scene: Scene
  readonly deaths: number
  readonly before: Visit | null
  readonly step: string
}

function pathTo(visit: Visit): string {
  const steps: string[] = []
  for (let at: Visit | null = visit; at !== null; at = at.before) steps.push(at.step)
  return steps.reverse().join(', ')
}

interface Explored {
  readonly states: number
  /** How many hold in the ends that were found, deaths or not. */
  readonly ends: ReadonlySet<string>
}

/** Goes through all orders of steps, with up to `deaths` deaths at any of them. @throws where something is wrong */
function explore(start: Scene, deaths: number): Explored {
  const seen = new Set<string>()
  const inherited = new Map<string, boolean>()
  const ends = new Set<string>()
  const open: Visit[] = [{ scene: start, deaths, before: null, step: 'begin' }]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { scene, deaths: left } = at
    const key = `${left}${keyOf(scene)}`
    if (seen.has(key)) continue
    seen.add(key)
    const fail = (what: string): never => {
      throw new Error(`${what} after ${pathTo(at)}: ${keyOf(scene)}`)
    }
    const holding = scene.peers.filter(({ phase }) => phase === 'holds')
    if (holding.length > 1) fail('two hold the folder')
    for (const { token } of holding)
      if (!scene.folder.listening.includes(token as string)) fail('a holder does not answer')
    const folder = folderKey(scene.folder)
    if (!inherited.has(folder)) inherited.set(folder, letsIn(scene.folder))
    if (inherited.get(folder) !== true) fail('nobody gets in')
    const moving = scene.peers.findIndex(isPrivate)
    let isEnd = true
    for (const [index, peer] of scene.peers.entries()) {
      if (moving !== -1 && index !== moving) continue
      if (canStep(peer)) {
        isEnd = false
        open.push({ scene: step(scene, index), deaths: left, before: at, step: `${peer.name} steps` })
      }
      if (left === 0 || moving !== -1 || peer.phase === 'dead' || peer.phase === 'gone') continue
      open.push({ scene: die(scene, index), deaths: left - 1, before: at, step: `${peer.name} dies` })
    }
    if (isEnd) ends.add(`${holding.length} of ${scene.peers.filter(({ phase }) => phase !== 'dead').length}`)
  }
  return { states: seen.size, ends }
}

function heirs(folder: Folder, count = HEIRS.length): Scene {
  return { folder, peers: HEIRS.slice(0, count).map(contender) }
}

