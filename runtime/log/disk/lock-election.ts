/**
 * The election of a folder's holder: the steps of one contender, as a pure state machine.
 *
 * Leaf, any thread; no clock, no chance, no I/O. `begin` makes a candidacy. Each candidacy has the one `act` to do next
 * on the folder, and `next` takes its result. directory-lock.ts performs the acts; a test explores all their
 * interleavings, with a death at each.
 *
 * ```
 *  LOCK                  holder t0, dead
 *  LOCK.after-t0         holder t1, dead, died while it took over from t0
 *  LOCK.after-t1         holder t2, alive: holds the folder
 *  LOCK.t2               its socket, under a name that nobody else ever has
 *  control.sock          the same socket, under the name at which everybody asks
 * ```
 *
 * The holder is the last of the chain that starts at LOCK. A token is used once. Its socket listens before its lock
 * file is linked, and never again once it is closed. The dead therefore stay dead, and each dead holder has one heir:
 * the contender whose link to the name of that holder's token succeeded. No contender removes a file to become heir. A
 * contender's reading may be outdated when it links, so it checks again from LOCK on that it is the last of the chain.
 * Then it puts its socket in place of control.sock, and its lock file in place of LOCK. Only a living holder renames or
 * removes, and there is one.
 *
 * A contender that has linked and must give way closes its socket, which makes it one more dead holder, and starts
 * afresh with another token. It removes nothing: its heir may be at work already.
 *
 * control.sock is asked as well as the last of the chain. Removing LOCK by hand therefore lets no contender in beside a
 * living holder. A holder that gives the folder up may still answer there for a moment, so control.sock is asked
 * PAUSES_MAX times.
 *
 * State after a contender's death, and the reaction of the next one:
 *
 * | it died | left behind | the next one |
 * |---|---|---|
 * | between bind and listen, or before its draft | a socket outside of the chain | ignores it; the next holder removes it |
 * | before its link | a draft and a socket outside of the chain | the same |
 * | after its link | the last of the chain, dead | is its heir |
 * | after control.sock was replaced | the same, and a dead control.sock | is its heir, and replaces that |
 * | after LOCK was replaced | LOCK, dead | is its heir |
 * | while it removed old files | some of them | ignores them |
 *
 * A holder of the folder may remove the socket of a contender that has bound it and does not listen yet. That contender
 * finds no socket to put in place of control.sock, and starts afresh.
 */
import { AFTER, LOCK } from './lock-names.ts'

/** Rounds of a candidacy that found the folder changed under it. */
const TRIES_MAX = 100
/** Number of waits for a process that answers at control.sock and is in no chain. */
const PAUSES_MAX = 20
/** More heirs than this never die one after the other while they take over. */
const CHAIN_MAX = 1_000

export type Act =
  /** Read a lock file: answered by its token, or null where there is no such file. */
  | { readonly do: 'read'; readonly file: string }
  /** Find out whether the holder of a token that was read lives: answered by a Verdict. */
  | { readonly do: 'ask'; readonly token: string }
  /** The same question to the process behind control.sock: 'alive' or 'dead'. */
  | { readonly do: 'ask control' }
  /** Draw a token, listen at its socket, then write its lock file as a draft: answered by the token. */
  | { readonly do: 'stand' }
  /** Give the draft a second name: 'done', 'taken' (there is one of that name) or 'gone' (there is no draft). */
  | { readonly do: 'link'; readonly as: string }
  /** Put the socket in place of control.sock: 'done', or 'gone' (there is no such socket). */
  | { readonly do: 'publish' }
  /** Put the lock file of that name in place of LOCK: 'done' or 'gone'. */
  | { readonly do: 'move'; readonly from: string }
  /** Close the socket, and forget the token. Without a socket: remove the link of that name, which is this contender's. */
  | { readonly do: 'withdraw'; readonly linkedAs: string | null }
  /** Wait a moment. */
  | { readonly do: 'pause' }

/** Reason of a loss: a holder lives; it cannot be known; a process without a lock file lives; too many contend. */
export type Loss = 'held' | 'elsewhere' | 'unnamed' | 'contended' | 'too long'

export type Candidacy = Running | Ended

interface Running {
  readonly stage:
    | 'looks'
    | 'asks the last'
    | 'asks control'
    | 'stands'
    | 'links'
    | 'looks again'
    | 'asks control again'
    | 'publishes'
    | 'moves'
    | 'withdraws'
    | 'pauses'
  readonly act: Act
  /** Its token, if its lock file is in place. */
  readonly own: string | null
  /** The last of the chain as far as it was read, and the name of the file that would follow. */
  readonly last: string | null
  readonly follows: string
  /** Under which name its lock file was linked. */
  readonly linkedAs: string | null
  readonly length: number
  readonly tries: number
  readonly pauses: number
}

interface Ended {
  readonly stage: 'holds' | 'lost'
  readonly act: null
  readonly own: string | null
  /** Token of the present holder; null: unknown. */
  readonly last: string | null
  readonly loss: Loss | null
}

/** A contender that has done nothing yet. */
export function begin(triesMax: number = TRIES_MAX, pausesMax: number = PAUSES_MAX): Candidacy {
  return look({ ...BLANK, tries: triesMax, pauses: pausesMax })
}

const BLANK: Running = {
  stage: 'looks',
  act: { do: 'pause' },
  own: null,
  last: null,
  follows: LOCK,
  linkedAs: null,
  length: 0,
  tries: 0,
  pauses: 0,
}

/** Takes what came of the candidacy's act. */
export function next(candidacy: Running, answer: string | null): Candidacy {
  const { own, last, follows } = candidacy
  switch (candidacy.stage) {
    case 'looks':
      if (answer !== null) return walked(candidacy, answer)
      if (last === null) return askControl(candidacy)
      return { ...candidacy, stage: 'asks the last', act: { do: 'ask', token: last } }
    case 'asks the last':
      if (answer === 'dead') return askControl(candidacy)
      return lost(candidacy, answer === 'alive' ? 'held' : 'elsewhere')
    case 'asks control':
      if (answer === 'alive') return last === null ? pause(candidacy) : lost(candidacy, 'held')
      if (own === null) return { ...candidacy, stage: 'stands', act: { do: 'stand' } }
      return link(candidacy, own)
    case 'stands':
      return link(candidacy, answer as string)
    case 'links':
      if (answer === 'gone') return withdraw(candidacy, null)
      if (answer === 'taken') return again(candidacy)
      return {
        ...candidacy,
        ...START,
        stage: 'looks again',
        act: { do: 'read', file: LOCK },
        linkedAs: follows,
      }
    case 'looks again':
      if (answer !== null) return walked(candidacy, answer)
      // The chain that it was the end of is no more: others took over, and perhaps gave up, in between.
      if (last !== own) return withdraw(candidacy, candidacy.linkedAs)
      return { ...candidacy, stage: 'asks control again', act: { do: 'ask control' } }
    case 'asks control again':
      if (answer === 'alive') return withdraw(candidacy, candidacy.linkedAs)
      return { ...candidacy, stage: 'publishes', act: { do: 'publish' } }
    case 'publishes':
      if (answer === 'gone') return withdraw(candidacy, candidacy.linkedAs)
      if (candidacy.linkedAs === LOCK) return { stage: 'holds', act: null, own, last: own, loss: null }
      return { ...candidacy, stage: 'moves', act: { do: 'move', from: candidacy.linkedAs as string } }
    case 'moves':
      if (answer === 'gone') return withdraw(candidacy, null)
      return { stage: 'holds', act: null, own, last: own, loss: null }
    case 'withdraws':
      return pause({ ...candidacy, own: null, linkedAs: null, last: null })
    case 'pauses':
      return again(candidacy)
  }
}

const START = { last: null, follows: LOCK, length: 0 } as const

function look(candidacy: Running): Candidacy {
  return { ...candidacy, ...START, stage: 'looks', act: { do: 'read', file: LOCK } }
}

function walked(candidacy: Running, token: string): Candidacy {
  const length = candidacy.length + 1
  if (length >= CHAIN_MAX) return lost(candidacy, 'too long')
  const follows = AFTER + token
  return { ...candidacy, last: token, follows, length, act: { do: 'read', file: follows } }
}

function askControl(candidacy: Running): Candidacy {
  return { ...candidacy, stage: 'asks control', act: { do: 'ask control' } }
}

function link(candidacy: Running, own: string): Candidacy {
  return { ...candidacy, own, stage: 'links', act: { do: 'link', as: candidacy.follows } }
}

function again(candidacy: Running): Candidacy {
  const tries = candidacy.tries - 1
  return tries > 0 ? look({ ...candidacy, tries }) : lost(candidacy, 'contended')
}

function withdraw(candidacy: Running, linkedAs: string | null): Candidacy {
  return { ...candidacy, stage: 'withdraws', act: { do: 'withdraw', linkedAs } }
}

function pause(candidacy: Running): Candidacy {
  const pauses = candidacy.pauses - 1
  if (pauses < 0) return lost(candidacy, 'unnamed')
  return { ...candidacy, pauses, stage: 'pauses', act: { do: 'pause' } }
}

function lost({ own, last }: Running, loss: Loss): Ended {
  return { stage: 'lost', act: null, own, last, loss }
}
