/** Takes a given time for each message without using a processor, and says in the end how many there were and how long they took. */
import { defineHandler } from '../../options/define.ts'
import type { QueueHandler } from '../../words/queue-handler.ts'

export interface TimedData {
  readonly handlerMs: number
}

export interface TimedResult extends TimedData {
  readonly handled: number
  /** From the begin to the end of all calls. */
  readonly tookMs: number
}

interface State {
  readonly handlerMs: number
  handled: number
  tookMs: number
}

const nothing = new Int32Array(new SharedArrayBuffer(4))

const handler: QueueHandler<number, State, TimedResult> = defineHandler<number, State, TimedResult>({
  start: ({ data }) => ({ handlerMs: (data as TimedData).handlerMs, handled: 0, tookMs: 0 }),
  message(_delivery, state) {
    const since = performance.now()
    Atomics.wait(nothing, 0, 0, state.handlerMs)
    state.handled++
    state.tookMs += performance.now() - since
  },
  stop: state => ({ ...state }),
})

export default handler
