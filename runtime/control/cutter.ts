/**
 * Cuts calls to a thread that lives and does not answer: they then reject as if it were gone.
 *
 * The control thread; one for each run on the caller's thread, which cannot be ended as a handler thread can.
 */
import { CallError } from '../../actors/control-port.ts'

/** `cut` rejects with a CallError once `cutOff` is called; race calls against it. */
export function cutter(): { readonly cut: Promise<never>; readonly cutOff: () => void } {
  let cutOff: () => void = () => undefined
  const cut = new Promise<never>((_, reject) => {
    cutOff = () => reject(new CallError({ kind: 'closed', name: 'the main thread', method: 'assign' }))
  })
  cut.catch(() => undefined)
  return { cut, cutOff }
}
