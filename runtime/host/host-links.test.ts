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
  /** Who was woken since this was asked last. */
  woken(): string[]
}

function linked(): Linked {
  const memory = Memory.allocate(2 ** 20)
  const arena = new Arena(memory, 128)
  const names = new Map<number, string>()
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
    new Doorbell(memory, bell).arm()
    return links.of(thread)
  }
  return {
    links,
    publisher: add(1, 'publisher'),
    reader: add(2, 'reader'),
    woken: () => woken.splice(0),
  }
}

t.test(
  'a pass that answers one frame wakes its publisher first, and one that answers several their readers; each once',
  async t => {
    for (const frames of [1, 2, 3]) {
      const { links, publisher, reader, woken } = linked()
      links.hold()
      for (let frame = 0; frame < frames; frame++) {
        publisher.receipt(1, 8 * frame, frame, 0)
        publisher.publish()
        reader.wake(7)
      }
      t.strictSame(woken(), [])
      links.letGo()
      t.strictSame(woken(), frames === 1 ? ['publisher', 'reader'] : ['reader', 'publisher'])
      links.letGo()
      t.strictSame(woken(), [])
    }
  },
)

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
