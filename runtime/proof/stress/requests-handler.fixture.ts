/** A handler of the requests of a program (requests.fixture.ts): what it does is in the request, and what it did in shared memory. */
import type { HandlerContext, QueueDelivery } from '../../index.ts'
import { RejectError } from '../../index.ts'
import { Deeds } from './request-deeds.fixture.ts'

export type RequestKind = 'fast' | 'slow' | 'busy' | 'throws' | 'rejects' | 'exits'

export interface AskedWork {
  readonly number: number
  readonly kind: RequestKind
}

const BUSY_MS = 3
/** A slow one waits for its signal, which comes long before. */
const NO_SIGNAL_MS = 10_000

export default async function work(
  { value: { number, kind } }: QueueDelivery<AskedWork>,
  { data, signal }: HandlerContext<SharedArrayBuffer>,
): Promise<number> {
  const deeds = new Deeds(data)
  deeds.begins(number, performance.now())
  if (kind === 'throws') throw new Error('on purpose')
  if (kind === 'rejects') throw new RejectError('on purpose')
  if (kind === 'exits') process.exit(3)
  if (kind === 'busy') for (const end = performance.now() + BUSY_MS; performance.now() < end; );
  if (kind === 'slow') {
    const heard = await new Promise<boolean>(resolve => {
      const timer = setTimeout(() => resolve(false), NO_SIGNAL_MS)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
    deeds.ends(number, heard)
    throw signal.reason
  }
  return 2 * number
}
