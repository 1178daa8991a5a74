/** When a thread wakes its host: the two ends of a link on one thread. */
import { Arena, Doorbell, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { HostLink } from '../link/host-link.ts'
import { LINK_RING_BYTES, TO_THREAD_BYTES } from '../link/link.ts'
import { linkPlace } from '../link/link-place.fixture.ts'
import { HOST_BELL, THREAD_BYTES } from '../wire/layout.ts'
import { type LinkUpcalls, ThreadLink } from './thread-link.ts'

const ALL = LINK_RING_BYTES / TO_THREAD_BYTES

const upcalls: LinkUpcalls = {
  receipt: () => undefined,
  gone: () => undefined,
  verdict: () => undefined,
  answer: () => undefined,
  more: () => undefined,
  lost: () => undefined,
}

interface Ends {
  readonly host: HostLink
  readonly thread: ThreadLink
  readonly bell: Doorbell
  /** Whether the host's bell has been rung since it was armed. */
  isRung(): boolean
}

function ends(): Ends {
  const memory = Memory.allocate(2 ** 20)
  const arena = new Arena(memory, 128)
  const place = linkPlace(arena)
  const bell = new Doorbell(memory, place.address + HOST_BELL)
  return {
    host: new HostLink(memory, 1, arena.allocate(THREAD_BYTES), place),
    thread: new ThreadLink(memory, place),
    bell,
    isRung: () => bell.waitAsync(1) === null,
  }
}

function answer({ host }: Ends, receipts: number): void {
  for (let i = 0; i < receipts; i++) host.receipt(1, 8 * i, i, 0)
  host.publish()
}

t.test('a host that sleeps is not woken by the thread that takes its receipts', t => {
  const link = ends()
  const { host, thread, bell } = link
  t.equal(host.room(), ALL)
  answer(link, 3)
  bell.arm()
  t.equal(thread.drain(upcalls), true)
  t.equal(link.isRung(), false)
  t.end()
})

t.test('a host that may wait for room is woken when there is some', t => {
  const link = ends()
  const { host, thread, bell } = link
  answer(link, ALL)
  t.equal(host.room(), 0)
  bell.arm()
  thread.drain(upcalls)
  t.equal(link.isRung(), true)
  t.equal(host.room(), ALL)
  answer(link, 3)
  bell.arm()
  thread.drain(upcalls)
  t.equal(link.isRung(), false, 'once it has found room, it is let sleep')
  t.end()
})

t.test('answers that are promised and not written yet take room as well', t => {
  const link = ends()
  const { host, thread, bell } = link
  answer(link, 1)
  host.promised = ALL - 1
  t.equal(host.room(), 0)
  bell.arm()
  thread.drain(upcalls)
  t.equal(link.isRung(), true)
  t.equal(host.room(), 1)
  t.end()
})

t.test('what may be all that its publisher waits for ends a nap of the host', t => {
  const { thread, bell } = ends()
  const napped = (ring: () => void, atMostMs = 2_000): number => {
    const before = performance.now()
    bell.nap(atMostMs, () => {
      ring()
      return false
    })
    return performance.now() - before
  }
  t.ok(napped(() => thread.ring()) > 1_900)
  t.ok(
    napped(() => {
      thread.awaits()
      thread.ring()
    }, 60_000) < 30_000,
  )
  t.ok(napped(() => thread.ring()) > 1_900, 'once')
  t.end()
})
