/**
 * Hashes and checks passwords, on a worker thread. Slow by design, as password hashes are.
 */
import { scryptSync, timingSafeEqual } from 'node:crypto'
import { defineHandler, type QueueHandler, RejectError } from 'millrace'
import { type Login, loginsQueue } from './queues.ts'

const COST = { N: 1_024, r: 8, p: 1 }

export function hashOf(name: string, password: string): string {
  return scryptSync(password, name, 32, COST).toString('base64')
}

const handler: QueueHandler<Login> = defineHandler(loginsQueue, {
  async message({ value, deliveryAttempt }, _state, { signal }): Promise<string | boolean> {
    const { name, password, hash, trouble } = value
    if (password === '') throw new RejectError(`${name} gave no password`)
    if (trouble === 'exits' && deliveryAttempt === 1) process.exit(1)
    while (trouble === 'spins') signal.aborted
    if (trouble === 'listens') await aborted(signal)
    const own = hashOf(name, password)
    return hash === undefined ? own : timingSafeEqual(Buffer.from(own), Buffer.from(hash))
  },
})
export default handler

/** Work that is done bit by bit, and ends when nobody waits for it any more. */
async function aborted(signal: AbortSignal): Promise<never> {
  for (;;) {
    signal.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
