/**
 * Supervision as a pure function: events go in, effects come out.
 *
 * No clock, no I/O, no thread of its own. Its driver (the control thread) passes a monotonic `now` in milliseconds and
 * an `rng` in [0, 1), carries out the effects in order and feeds back the events. The state is plain data. It is never
 * changed in place, and survives structured clone and JSON (for ids, codes and reasons that do).
 *
 * Source: the contract of Erlang/OTP's `supervisor`; differences are marked (*).
 *
 * CHILDREN. A child spec is `{ id, restart, order }`. Children start when they are added and in increasing `order`
 * after a group restart, without waiting for one another (*). They stop in decreasing `order`: one is told to stop only
 * when all with a greater `order` have exited. Children of equal `order` are peers and stop together (*).
 *
 * RESTART TYPE, when a child exits without a request to stop:
 *   permanent   always restarted.
 *   transient   restarted unless it exited normally (`kind: 'normal'`); then it stays, down.
 *   temporary   never restarted; it is forgotten.
 *
 * STRATEGY, when a child is to be restarted:
 *   oneForOne    only that child.
 *   oneForAll    all others stop first, then all start.
 *   restForOne   those of a greater `order` stop first, then they and the child start.
 * In a group a temporary child is stopped and forgotten; a transient one that was down starts again, as in OTP. A child
 * of the group that exits by itself before its request to stop has stopped: that is not another failure.
 *
 * INTENSITY. Each restart is counted when its child exits. More than `intensity` of them within `periodMs` escalate:
 * the effect `escalate`, then all children stop in order, then `allStopped`. So restart number `intensity` still
 * happens and number `intensity + 1` does not; intensity 0 escalates at the first. A group restart counts once.
 *
 * BACKOFF (*). A child's first restart has no delay. If it fails again before it has run for `quietMs`, the restart
 * waits `firstMs`, then twice as long each time, at most `maxMs`, less a random share of up to `jitter`.
 *
 * CHARGED EXITS (*). An exit that is charged to a record counts neither for intensity nor for backoff, and its restart
 * has no delay: the record's attempts bound how often that can happen.
 *
 * INCARNATIONS. Each start of a child has the next incarnation number. Inputs name the incarnation that they speak of;
 * one of the past (a timer that was overtaken, a zombie's late exit) changes nothing.
 *
 * BOUNDS. The history of restarts holds at most `intensity + 1` times; a step emits at most one effect per child, and
 * two more.
 */

import { backoffMs } from './backoff.ts'
import { isNormal } from './exit-reason.ts'
import type {
  ChildSpec,
  ChildState,
  GroupRestart,
  Step,
  SupervisorEffect,
  SupervisorInput,
  SupervisorState,
} from './supervisor-state.ts'

/** A state that one step may change: a copy, whose children are replaced and never changed. */
interface Draft {
  readonly options: SupervisorState['options']
  phase: SupervisorState['phase']
  children: ChildState[]
  restarts: number[]
  group: GroupRestart | undefined
  readonly effects: SupervisorEffect[]
}

type Exited = Extract<SupervisorInput, { readonly kind: 'exited' }>

/** One step: the next state, and the effects in this order. */
export function step(state: SupervisorState, input: SupervisorInput, now: number, rng: () => number): Step {
  const draft: Draft = {
    options: state.options,
    phase: state.phase,
    children: [...state.children],
    restarts: [...state.restarts],
    group: state.group,
    effects: [],
  }
  switch (input.kind) {
    case 'childAdded':
      add(draft, input.spec)
      break
    case 'childRemoved':
      remove(draft, input.id)
      break
    case 'started':
      hearStarted(draft, input.id, input.incarnation, now)
      break
    case 'exited':
      hearExited(draft, input, now, rng)
      break
    case 'restartDue':
      hearDue(draft, input.id, input.incarnation)
      break
    case 'stopAll':
      stopAll(draft)
      break
  }
  advance(draft)
  const { effects, ...next } = draft
  return { state: next, effects }
}

function find(draft: Draft, id: string): ChildState | undefined {
  return draft.children.find(child => child.spec.id === id)
}

function update(draft: Draft, child: ChildState, change: Partial<ChildState>): void {
  draft.children = draft.children.map(other => (other === child ? { ...child, ...change } : other))
}

function forget(draft: Draft, id: string): void {
  draft.children = draft.children.filter(child => child.spec.id !== id)
}

function isAlive(child: ChildState): boolean {
  return child.status !== 'waiting' && child.status !== 'down'
}

function isLeaving(child: ChildState): boolean {
  return child.status === 'condemned' || child.status === 'stopping'
}

function start(draft: Draft, child: ChildState): void {
  const incarnation = child.incarnation + 1
  update(draft, child, { status: 'starting', incarnation, startedAt: undefined })
  draft.effects.push({ kind: 'start', id: child.spec.id, incarnation })
}

function startAfter(draft: Draft, child: ChildState, delayMs: number): void {
  draft.effects.push({ kind: 'startAfter', id: child.spec.id, incarnation: child.incarnation + 1, delayMs })
}

function add(draft: Draft, spec: ChildSpec): void {
  if (find(draft, spec.id) !== undefined) throw new TypeError(`child ${spec.id} exists`)
  if (draft.phase !== 'running') return
  const at = draft.children.findIndex(child => child.spec.order > spec.order)
  const child: ChildState = { spec, status: 'down', incarnation: 0, next: 'down', failures: 0, startedAt: undefined }
  draft.children.splice(at === -1 ? draft.children.length : at, 0, child)
  start(draft, child)
}

function remove(draft: Draft, id: string): void {
  const child = find(draft, id)
  if (child === undefined) return
  if (!isAlive(child)) {
    forget(draft, id)
    rearm(draft, id)
    return
  }
  // Sent at once, outside of the order: it is no longer wanted.
  if (child.status !== 'stopping') draft.effects.push({ kind: 'stop', id, incarnation: child.incarnation })
  update(draft, child, { status: 'stopping', next: 'gone' })
}

/** A group restart outlives the child on whose timer it waited. */
function rearm(draft: Draft, goneId: string): void {
  const { group } = draft
  if (group?.trigger !== goneId) return
  const heir = draft.children.find(
    child => child.status === 'waiting' || (isLeaving(child) && child.next === 'waiting'),
  )
  draft.group = heir === undefined ? undefined : { ...group, trigger: heir.spec.id, timed: false }
}

function hearStarted(draft: Draft, id: string, incarnation: number, now: number): void {
  const child = find(draft, id)
  if (child?.incarnation !== incarnation || child.status !== 'starting') return
  update(draft, child, { status: 'running', startedAt: now })
}

function hearExited(draft: Draft, input: Exited, now: number, rng: () => number): void {
  const child = find(draft, input.id)
  if (child === undefined || child.incarnation !== input.incarnation || !isAlive(child)) return
  if (isLeaving(child)) {
    if (child.next === 'gone') {
      forget(draft, input.id)
      rearm(draft, input.id)
    } else {
      update(draft, child, { status: child.next })
    }
    return
  }
  const { restart } = child.spec
  if (restart === 'temporary') forget(draft, input.id)
  else if (restart === 'transient' && isNormal(input.reason)) update(draft, child, { status: 'down' })
  else restartChild(draft, child, input, now, rng)
}

function restartChild(draft: Draft, child: ChildState, input: Exited, now: number, rng: () => number): void {
  const { strategy, backoff } = draft.options
  let failures = child.failures
  let delayMs = 0
  if (!input.charged) {
    if (exceeds(draft, now)) {
      update(draft, child, { status: 'down' })
      escalate(draft, input)
      return
    }
    const wasQuiet = child.startedAt !== undefined && now - child.startedAt >= backoff.quietMs
    failures = wasQuiet ? 1 : failures + 1
    delayMs = backoffMs(backoff, failures, rng)
  }
  const waiting: ChildState = { ...child, status: 'waiting', failures }
  update(draft, child, waiting)
  if (strategy === 'oneForOne') {
    const due = find(draft, input.id)
    if (due === undefined) return
    if (delayMs === 0) start(draft, due)
    else startAfter(draft, due, delayMs)
    return
  }
  condemn(
    draft,
    other => other.spec.id !== input.id && (strategy === 'oneForAll' || other.spec.order > child.spec.order),
  )
  // A failure outside of a group that is under way widens it; the longer delay holds.
  draft.group = { trigger: input.id, delayMs: Math.max(delayMs, draft.group?.delayMs ?? 0), timed: false }
}

/** Counts a restart; whether it is one too many. */
function exceeds(draft: Draft, now: number): boolean {
  const { intensity, periodMs } = draft.options
  draft.restarts = [...draft.restarts.filter(at => now - at <= periodMs), now]
  return draft.restarts.length > intensity
}

function condemn(draft: Draft, isMember: (child: ChildState) => boolean): void {
  draft.children = draft.children.map(child => {
    if (!isMember(child) || isLeaving(child)) return child
    // A temporary child is never down: it is forgotten as soon as it exits.
    if (!isAlive(child)) return { ...child, status: 'waiting' as const }
    const next = child.spec.restart === 'temporary' ? ('gone' as const) : ('waiting' as const)
    return { ...child, status: 'condemned' as const, next }
  })
}

function escalate(draft: Draft, input: Exited): void {
  const { periodMs } = draft.options
  draft.effects.push({
    kind: 'escalate',
    reason: { id: input.id, reason: input.reason, restarts: draft.restarts.length, periodMs },
  })
  stopAll(draft)
}

function hearDue(draft: Draft, id: string, incarnation: number): void {
  const child = find(draft, id)
  if (child?.status !== 'waiting' || child.incarnation + 1 !== incarnation) return
  if (draft.options.strategy === 'oneForOne') start(draft, child)
  else if (draft.group?.trigger === id && draft.group.timed) startGroup(draft)
}

function startGroup(draft: Draft): void {
  draft.group = undefined
  for (const child of draft.children) if (child.status === 'waiting') start(draft, child)
}

function stopAll(draft: Draft): void {
  if (draft.phase !== 'running') return
  draft.phase = 'stopping'
  draft.group = undefined
  draft.children = draft.children.map(child => {
    if (!isAlive(child)) return { ...child, status: 'down' as const }
    if (isLeaving(child)) return { ...child, next: child.next === 'gone' ? ('gone' as const) : ('down' as const) }
    return { ...child, status: 'condemned' as const, next: 'down' as const }
  })
}

/** For every input: the next stops in order, and the steps after the exit of the last child. */
function advance(draft: Draft): void {
  const leaving = draft.children.filter(isLeaving)
  if (leaving.length > 0) {
    const last = Math.max(...leaving.map(child => child.spec.order))
    for (const child of leaving) {
      if (child.status !== 'condemned' || child.spec.order !== last) continue
      update(draft, child, { status: 'stopping' })
      draft.effects.push({ kind: 'stop', id: child.spec.id, incarnation: child.incarnation })
    }
    return
  }
  if (draft.phase === 'stopping') {
    draft.phase = 'stopped'
    draft.effects.push({ kind: 'allStopped' })
    return
  }
  const { group } = draft
  if (group === undefined || group.timed) return
  const trigger = find(draft, group.trigger)
  if (group.delayMs === 0 || trigger === undefined) {
    startGroup(draft)
    return
  }
  draft.group = { ...group, timed: true }
  startAfter(draft, trigger, group.delayMs)
}
