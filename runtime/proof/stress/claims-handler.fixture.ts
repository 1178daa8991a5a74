/** Says each record that it is given, as it is given, and then takes its time; one in ten it does not want. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler, type Handler, RejectError } from '../../index.ts'
import { say } from './say.fixture.ts'

const handler: Handler = defineHandler({
  async message({ partition, offset }, _state, { data }) {
    say(`h ${partition} ${offset}`)
    if ((data as number) > 0) await sleep(data as number)
    if (offset % 10 === 9) throw new RejectError('unwanted')
  },
})

export default handler
