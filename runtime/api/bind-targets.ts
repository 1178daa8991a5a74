/**
 * What a binding can lead to: the queues, topics and exchanges that brokers of this process have handed out.
 *
 * The creating thread. A client that its user lets go is forgotten with it.
 */
import type { Session } from '../embedded/session.ts'
import type { BoundTarget } from '../wire/route-changes.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'

const handedOut = new WeakMap<object, { readonly session: Session; readonly target: BoundTarget }>()

/** `client` stands for this target. Returns it. */
export function asBindTarget<C extends object>(client: C, session: Session, target: BoundTarget): C {
  handedOut.set(client, { session, target })
  return client
}

/** What the client stands for. @throws MillraceError MILL_INVALID_OPTION when it is none of this broker's */
export function bindTargetOf(client: unknown, session: Session, by?: unknown): BoundTarget {
  const found = typeof client === 'object' && client !== null ? handedOut.get(client) : undefined
  if (found === undefined) {
    const isSwapped = typeof by === 'object' && by !== null && handedOut.has(by)
    const help = isSwapped
      ? ': give the target first, and then the pattern, bind(queue, pattern)'
      : typeof client === 'string'
        ? `: open it first, as with broker.queue(${show(client)})`
        : ': give what broker.queue, broker.topic or broker.exchange has resolved with'
    throw invalid(`a binding leads to a queue, a topic or an exchange of this broker, not to ${show(client)}${help}`)
  }
  const { target } = found
  if (found.session === session) return target
  throw invalid(
    `${target.kind} ${target.name} is that of another broker: a binding leads to what was opened with its own broker`,
  )
}

/** What a broker has handed out; undefined: it is none of that. */
export function handedOutAs(client: object): { readonly session: Session; readonly target: BoundTarget } | undefined {
  return handedOut.get(client)
}

function invalid(message: string): MillraceError {
  return new MillraceError('MILL_INVALID_OPTION', message)
}
