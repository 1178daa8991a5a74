/**
 * A folder and its contenders as plain values, for all interleavings of the steps of lock-election.ts.
 *
 * Each step is one change or one look that a system does at once; what directory-lock.ts does with several calls takes several steps here,
 * and a contender may die before each. Names and sockets are as there: a socket is bound before it listens, has a name of
 * its own and, once published, control.sock; whoever clears asks first and removes in a later step.
 */
import { begin, type Candidacy, next } from './lock-election.ts'
import { AFTER, LOCK } from './lock-names.ts'

/** What is in the folder: lock files by name with the token they say, and sockets by name with the token they are of. */
export interface Folder {
  readonly locks: Readonly<Record<string, string>>
  readonly sockets: Readonly<Record<string, string>>
  /** Tokens whose socket is open. */
  readonly listening: readonly string[]
}

export interface Peer {
  readonly name: string
  readonly phase: 'contends' | 'holds' | 'releases' | 'gone' | 'dead'
  readonly candidacy: Candidacy
  /** Steps of the act under way, or of clearing and releasing, that are still to be done. */
  readonly todo: readonly string[]
  readonly drawn: number
  /** Of its current lock. */
  readonly token: string | null
  /** Gives the folder up some day. */
  readonly releases: boolean
}

export interface Scene {
  readonly folder: Folder
  readonly peers: readonly Peer[]
}

export const CONTROL = 'control'
const DRAFT = 'draft-'
export const EMPTY: Folder = { locks: {}, sockets: {}, listening: [] }
/** `d` held it, and was killed. */
export const DEAD: Folder = { locks: { [LOCK]: 'd' }, sockets: { d: 'd', [CONTROL]: 'd' }, listening: [] }
/** `d` holds it. */
export const HELD: Folder = { ...DEAD, listening: ['d'] }

export function contender(name: string): Peer {
  return { name, phase: 'contends', candidacy: begin(3, 1), todo: [], drawn: 0, token: null, releases: false }
}

/** Somebody who holds the folder already. */
export function holder(name: string, token: string, releases: boolean): Peer {
  return { ...contender(name), phase: 'holds', token, releases }
}

/** Whether the next step of a peer is nobody else's business: when it is taken makes no difference. */
export function isPrivate({ phase, todo: [doing], candidacy: { act } }: Peer): boolean {
  if (phase === 'dead' || phase === 'gone') return false
  return doing === undefined
    ? phase === 'contends' && act?.do === 'pause'
    : ['stood', 'withdrawn', 'end'].includes(doing)
}

export function die(scene: Scene, index: number): Scene {
  const peer = scene.peers[index] as Peer
  return put(closed(scene.folder, peer.token), scene, index, { ...peer, phase: 'dead', todo: [] })
}

export function canStep({ phase, todo, releases }: Peer): boolean {
  return phase !== 'gone' && phase !== 'dead' && (phase !== 'holds' || todo.length > 0 || releases)
}

/** One step of a peer. */
export function step(scene: Scene, index: number): Scene {
  const peer = scene.peers[index] as Peer
  const [doing, ...todo] = peer.todo
  if (doing !== undefined) return done({ ...scene, peers: replaced(scene, index, { ...peer, todo }) }, index, doing)
  if (peer.phase === 'holds')
    return put(scene.folder, scene, index, {
      ...peer,
      phase: 'releases',
      todo: ['unlock', 'unpublish', 'unbind', 'close', 'end'],
    })
  return act(scene, index)
}

function act({ folder, ...scene }: Scene, index: number): Scene {
  const all = { folder, ...scene }
  const peer = scene.peers[index] as Peer
  const { act: wanted } = peer.candidacy
  const token = peer.token as string
  switch (wanted?.do) {
    case 'read':
      return told(all, index, folder.locks[wanted.file] ?? null)
    case 'ask':
      return told(all, index, lives(folder, wanted.token) ? 'alive' : 'dead')
    case 'ask control':
      return told(all, index, lives(folder, CONTROL) ? 'alive' : 'dead')
    case 'stand': {
      const drawn = `${peer.name}${peer.drawn + 1}`
      const bound = { ...folder, sockets: { ...folder.sockets, [drawn]: drawn } }
      const todo = ['listen', 'draft', 'stood']
      return put(bound, all, index, { ...peer, token: drawn, drawn: peer.drawn + 1, todo })
    }
    case 'link':
      if (folder.locks[DRAFT + token] === undefined) return told(all, index, 'gone')
      if (folder.locks[wanted.as] !== undefined) return told(all, index, 'taken')
      return told({ ...all, folder: locked(folder, wanted.as, token) }, index, 'done')
    case 'publish':
      if (folder.sockets[token] === undefined) return told(all, index, 'gone')
      return put(folder, all, index, { ...peer, todo: ['publish'] })
    case 'move': {
      const moved = folder.locks[wanted.from]
      if (moved === undefined) return told(all, index, 'gone')
      return told({ ...all, folder: locked(unlocked(folder, wanted.from), LOCK, moved) }, index, 'done')
    }
    case 'withdraw':
      return put(unlocked(folder, DRAFT + token), all, index, { ...peer, todo: ['unbind', 'close', 'withdrawn'] })
    case 'pause':
      return told(all, index, null)
    case undefined:
      return all
  }
}

/** Does a step of several. */
function done(scene: Scene, index: number, what: string): Scene {
  const { folder } = scene
  const peer = scene.peers[index] as Peer
  const token = peer.token as string
  const [verb, name = ''] = what.split(' ')
  const goesOn = (changed: Folder, change: Partial<Peer> = {}): Scene =>
    put(changed, scene, index, { ...peer, ...change })
  switch (verb) {
    case 'listen':
      return goesOn({ ...folder, listening: [...folder.listening, token].sort() })
    case 'draft':
      return goesOn(locked(folder, DRAFT + token, token))
    case 'stood':
      return told(scene, index, token)
    case 'publish':
      return told({ ...scene, folder: { ...folder, sockets: { ...folder.sockets, [CONTROL]: token } } }, index, 'done')
    case 'undraft':
      return goesOn(unlocked(folder, DRAFT + token))
    case 'list': {
      const drafts = Object.keys(folder.locks).filter(file => file.startsWith(DRAFT))
      const chain = Object.keys(folder.locks).filter(file => file.startsWith(AFTER))
      const sockets = Object.keys(folder.sockets).filter(socket => socket !== CONTROL && socket !== token)
      const todo = [...chain.map(file => `unlink ${file}`), ...drafts.map(file => `judge ${file.slice(DRAFT.length)}`)]
      return goesOn(folder, { todo: [...todo, ...sockets.map(socket => `ask ${socket}`)] })
    }
    case 'unlink':
      return goesOn(unlocked(folder, name))
    case 'judge':
      return lives(folder, name) ? scene : goesOn(folder, { todo: [`unlink ${DRAFT}${name}`, ...peer.todo] })
    case 'ask':
      return lives(folder, name) ? scene : goesOn(folder, { todo: [`unsocket ${name}`, ...peer.todo] })
    case 'unsocket':
      return goesOn(unbound(folder, name))
    case 'unlock':
      return folder.locks[LOCK] === token ? goesOn(unlocked(folder, LOCK)) : scene
    case 'unpublish':
      return folder.sockets[CONTROL] === token ? goesOn(unbound(folder, CONTROL)) : scene
    case 'unbind':
      return goesOn(unbound(folder, token))
    case 'close':
      return goesOn(closed(folder, token))
    case 'withdrawn':
      return told(put(folder, scene, index, { ...peer, token: null }), index, null)
    case 'end':
      return goesOn(folder, { phase: 'gone' })
    default:
      throw new Error(`no step ${what}`)
  }
}

/** The candidacy hears what came of its act. */
function told(scene: Scene, index: number, answer: string | null): Scene {
  const peer = scene.peers[index] as Peer
  if (peer.candidacy.act === null) throw new Error('nothing was to be done')
  const candidacy = next(peer.candidacy, answer)
  const heard = { ...peer, candidacy }
  if (candidacy.stage === 'holds')
    return put(scene.folder, scene, index, { ...heard, phase: 'holds', todo: ['undraft', 'list'] })
  if (candidacy.stage !== 'lost') return put(scene.folder, scene, index, heard)
  const folder = peer.token === null ? scene.folder : unlocked(scene.folder, DRAFT + peer.token)
  const todo = peer.token === null ? ['end'] : ['unbind', 'close', 'end']
  return put(folder, scene, index, { ...heard, phase: 'contends', todo })
}

/** Whether somebody answers at a socket. */
export function lives({ sockets, listening }: Folder, socket: string): boolean {
  const token = sockets[socket]
  return token !== undefined && listening.includes(token)
}

function locked(folder: Folder, file: string, token: string): Folder {
  return { ...folder, locks: { ...folder.locks, [file]: token } }
}

function unlocked(folder: Folder, file: string): Folder {
  const { [file]: _, ...locks } = folder.locks
  return { ...folder, locks }
}

function unbound(folder: Folder, socket: string): Folder {
  const { [socket]: _, ...sockets } = folder.sockets
  return { ...folder, sockets }
}

function closed(folder: Folder, token: string | null): Folder {
  return { ...folder, listening: folder.listening.filter(one => one !== token) }
}

function replaced({ peers }: Scene, index: number, peer: Peer): readonly Peer[] {
  return peers.map((one, at) => (at === index ? peer : one))
}

function put(folder: Folder, scene: Scene, index: number, peer: Peer): Scene {
  return { folder, peers: replaced(scene, index, peer) }
}
