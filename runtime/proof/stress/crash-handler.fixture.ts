/** Says each record that it is given: `h PARTITION OFFSET`, by a write that has reached the pipe when it returns. */
import { defineHandler, type Handler } from '../../index.ts'
import { say } from './say.fixture.ts'

const handler: Handler = defineHandler({
  message({ partition, offset }) {
    say(`h ${partition} ${offset}`)
  },
})

export default handler
