/** Notes how long each message was on its way; runs on millrace's handler threads. Its `data` is the memory of the samples. */
import { defineHandler, type Handler } from 'millrace'
import { LatencySamples, sinceStamp } from '../latency-samples.ts'

interface State {
  readonly samples: LatencySamples
  handled: number
}

const handler: Handler<Uint8Array, State, number> = defineHandler<Uint8Array, State, number>({
  start: ({ data }) => ({ samples: new LatencySamples(data as SharedArrayBuffer), handled: 0 }),
  message({ value }, state) {
    state.samples.add(sinceStamp(value))
    state.handled++
  },
  stop: ({ handled }) => handled,
})

export default handler
