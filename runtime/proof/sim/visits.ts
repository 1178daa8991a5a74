/**
 * How often each machine was in each kind of state when each kind of input came.
 *
 * A state's kind is what of it concerns the input: how far the record of a settlement is, how the child that exited or
 * the member that came stands. Counted in one thread, added up by main.ts.
 */

export type Visits = Record<string, number>

/** What `visit-hooks.ts` calls. */
interface Looked {
  millraceVisit?: (machine: string, state: never, input: never) => void
}

type Named = { readonly kind: string; readonly [name: string]: unknown }

function cursorState(
  state: { readonly failures: ReadonlyMap<number, { readonly state: string }> },
  input: Named,
): string {
  const { offset } = input
  if (typeof offset !== 'number') return state.failures.size === 0 ? 'clean' : 'failures'
  return state.failures.get(offset)?.state ?? 'unknown'
}

function assignmentState(
  state: { readonly members: ReadonlyMap<string, { readonly up: boolean }>; readonly revoking: ReadonlySet<number> },
  input: Named,
): string {
  if (input.kind === 'revoked') return state.revoking.has(input.partition as number) ? 'revoking' : 'gone'
  const names = (input.members ?? [input.member]) as readonly string[]
  const member = state.members.get(names[0] as string)
  return member === undefined ? 'unknown' : member.up ? 'up' : 'down'
}

function supervisorState(
  state: {
    readonly phase: string
    readonly children: readonly { readonly spec: { readonly id: string }; readonly status: string }[]
  },
  input: Named,
): string {
  const child = state.children.find(({ spec }) => spec.id === input.id)
  return `${state.phase} ${child?.status ?? 'unknown'}`
}

/** Counts from here on, in this thread. */
export function countVisits(): Visits {
  const visits: Visits = {}
  const stateOf: Readonly<Record<string, (state: never, input: never) => string>> = {
    cursor: cursorState,
    assignment: assignmentState,
    supervisor: supervisorState,
  }
  ;(globalThis as Looked).millraceVisit = (machine, state, input) => {
    const { kind, how } = input as Named
    const name = `${machine}: ${stateOf[machine]?.(state, input)} x ${kind}${typeof how === 'string' ? ` ${how}` : ''}`
    visits[name] = (visits[name] ?? 0) + 1
  }
  return visits
}
