/** In what order a pass of a partition host wakes the threads that it has told something. */
import { Arena, Doorbell, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { HostLink } from '../link/host-link.ts'
import { linkPlace } from '../link/link-place.fixture.ts'
import { THREAD_BELL, THREAD_BYTES } from '../wire/layout.ts'
import { HostLinks } from './host-links.ts'
import { linkedHost } from './linked-host.fixture.ts'

interface Linked {
  readonly links: HostLinks
  readonly publisher: HostLink
  readonly reader: HostLink
  /** Who was woken since this was asked last; all sleep again. */
  woken(): string[]
}

function linked(): Linked {
  const memory = Memory.allocate(2 ** 20)
  const arena = new Arena(memory, 128)
  const names = new Map<number, string>()
  const bells: Doorbell[] = []
  const woken: string[] = []
  memory.notify = address => void woken.push(names.get(address) ?? '?')
  const links = new HostLinks(memory, {
    settle: () => true,
    asks: () => undefined,
    mayAsk: () => undefined,
    drained: () => undefined,
  })
  const add = (thread: number, name: string): HostLink => {
    const bell = arena.allocate(THREAD_BYTES) + THREAD_BELL
    names.set(bell, name)
    links.add({ thread, bell, link: linkPlace(arena) })
    bells.push(new Doorbell(memory, bell))
    bells.at(-1)?.arm()
    return links.of(thread)
  }
  return {
    links,
    publisher: add(1, 'publisher'),
    reader: add(2, 'reader'),
    woken: () => {
      for (const bell of bells) bell.arm()
      return woken.splice(0)
    },
  }
}

for (const [frames, ...order] of [
  [[1], 'publisher', 'reader'],
  [[10], 'reader', 'publisher'],
  [[1, 1, 1], 'reader', 'publisher'],
  [[0], 'reader', 'publisher'],
] as const)
  t.test(
    `a pass that answers frames with ${frames} awaited records wakes first the ${order[0]}; each once`,
    async t => {
      const { links, publisher, reader, woken } = linked()
      for (let pass = 0; pass < 2; pass++) {
        links.hold()
        for (const records of frames) {
          publisher.receipt(1, 8, 0, 0)
          publisher.awaits(records)
          publisher.publish()
          reader.wake(7)
        }
        t.strictSame(woken(), [])
        links.letGo()
        t.strictSame(woken(), order)
        links.letGo()
        t.strictSame(woken(), [])
      }
    },
  )

for (const [answer, tell] of [
  ['a verdict', link => link.verdict(1, 1, 0, 1, 1, 0)],
  ['an answer to a request', link => link.answerPiece({ client: 1, request: 1 }, 'nothing', 0, 0, new Uint8Array(0))],
] as [string, (link: HostLink) => void][])
  t.test(`who waits for ${answer} is woken first`, async t => {
    const { links, publisher, reader, woken } = linked()
    links.hold()
    tell(publisher)
    publisher.publish()
    reader.wake(7)
    links.letGo()
    t.strictSame(woken(), ['publisher', 'reader'])
  })

t.test('what a host tells outside of a pass wakes at once', async t => {
  const { links, reader, woken } = linked()
  links.hold()
  links.letGo()
  reader.wake(7)
  t.strictSame(woken(), ['reader'])
})

t.test('when a pass is over, no thread sleeps on that it has answered', async t => {
  const { host, thread, publish, rest } = linkedHost(3)
  rest()
  const bell = new Doorbell(thread.memory, thread.address + THREAD_BELL)
  bell.arm()
  for (const partition of [0, 1, 2]) publish(partition)
  t.equal(host.pass(), true)
  t.equal(bell.waitAsync(1), null)
})
