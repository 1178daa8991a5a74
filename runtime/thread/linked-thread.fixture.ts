/** A thread with one host, whose end of the link the test has. */
import { Arena, Memory } from 'sharedarraybuffer-ring'
import type { Test } from 'tap'
import { HostLink } from '../link/host-link.ts'
import { linkPlace } from '../link/link-place.fixture.ts'
import { BROKER_BYTES, THREAD_BELL, THREAD_BYTES } from '../wire/layout.ts'
import { AttachedThread } from './attached-thread.ts'

export interface LinkedThread {
  readonly memory: Memory
  readonly thread: AttachedThread
  readonly link: HostLink
}

export function linkedThread(t: Test): LinkedThread {
  const memory = Memory.allocate(2 ** 20)
  const arena = new Arena(memory, 128)
  const place = linkPlace(arena)
  const address = arena.allocate(THREAD_BYTES)
  const thread = new AttachedThread(memory, {
    thread: 1,
    address,
    broker: arena.allocate(BROKER_BYTES),
    links: [place],
  })
  t.teardown(() => thread.close())
  return { memory, thread, link: new HostLink(memory, 1, address + THREAD_BELL, place) }
}
