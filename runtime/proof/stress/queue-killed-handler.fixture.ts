/** Says each message that it begins, and how it is about to end it, by writes that have reached the pipe when they return. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler, defineQueue, type QueueHandler, RejectError } from '../../index.ts'
import { beginLine, conductOf, KILLED, type KilledValue, keyOf } from './queue-killed.fixture.ts'
import { say } from './say.fixture.ts'

const handler: QueueHandler<KilledValue> = defineHandler(defineQueue<KilledValue>(KILLED.name), {
  message(delivery): unknown {
    const { value, failedAttempts } = delivery
    const key = keyOf(value)
    say(beginLine(delivery))
    const conduct = conductOf(value.sequence)
    const fails = conduct === 'fail' || (conduct === 'failOnce' && failedAttempts === 0)
    const end = (): void => {
      say(`e ${key} ${fails ? 'fail' : conduct === 'reject' ? 'reject' : 'ack'}`)
      if (fails) throw new Error('failed on purpose')
      if (conduct === 'reject') throw new RejectError('not wanted')
    }
    return value.sequence % 8 === 5 ? sleep(value.sequence % 3).then(end) : end()
  },
})

export default handler
