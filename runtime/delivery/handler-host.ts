/**
 * The thread that runs a handler module: user code, supervised.
 *
 * A handler host. It may hang, leak, crash or exit: it owns nothing but its own slots and rings.
 */

import type { BehaviourContext } from '../../actors/boot.ts'
import { connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { viewMemory } from '../../actors/world.ts'
import { Publishers } from '../publish/publishers.ts'
import { AttachedThread } from '../thread/attached-thread.ts'
import { runReportsOf } from '../thread/run-reports.ts'
import type { ControlApi } from '../wire/control-calls.ts'
import type { HandlerHostApi, HandlerHostBoot } from '../wire/member-calls.ts'
import { fromWire, MillraceError, toWire } from '../words/errors.ts'
import { HandlerMember } from './handler-member.ts'
import { loadHandler } from './load-handler.ts'

/** Entry of the thread; ends when the control thread says `end`. */
export async function behave({ data, port }: BehaviourContext): Promise<void> {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const boot = data as HandlerHostBoot
  const thread = new AttachedThread(viewMemory(boot.memory), boot.place)
  const control = connect<ControlApi>(boot.control, { name: 'the control thread', lost: new Promise(() => undefined) })
  const publishers = new Publishers(thread, control.call, { stalled: () => undefined, publishFailed: () => undefined })
  thread.reports = runReportsOf(control.call)
  let member: HandlerMember | null = null
  const loaded = (): HandlerMember => {
    if (member === null) throw new Error('broken invariant: a handler host was used before its handler was loaded')
    return member
  }
  await new Promise<void>(resolve => {
    const api: HandlerHostApi = {
      async load() {
        const handler = await loadHandler(boot.handler)
        member = new HandlerMember(thread, publishers, boot.shape, handler, boot.data)
        return handler.snapshot !== undefined
      },
      careful: cursors => loaded().careful(cursors),
      assign: (_run, assignment) => loaded().assign(assignment),
      revoke: (_run, slot, epoch, stop) => loaded().revoke(slot, epoch, stop),
      cancel: async (_run, cursor, epoch, tag, withinMs) => member?.cancel(cursor, epoch, tag, withinMs),
      pause: () => loaded().pause(),
      resume: () => loaded().resume(),
      grown: topics => publishers.grown(topics),
      end: () => resolve(),
    }
    serve(port, api)
  })
  thread.phase('stopping')
  // What is still pending fails with its publishers, and has not failed: it is handed out again.
  ;(member as HandlerMember | null)?.abandon()
  publishers.fail(new MillraceError('MILL_CLOSED', 'the run has stopped'))
  thread.close()
  control.close()
}
