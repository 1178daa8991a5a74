/**
 * Lends partitions on disk larger windows when their hosts ask, and calls loans back when something else finds no room.
 *
 * The control thread. Bound of a recall: RECALL_MS; what a reader holds for longer comes back later.
 */
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import { isMillraceError } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import type { PartitionHosts } from './partition-hosts.ts'

const RECALL_MS = 1_000

export class WindowLending {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  /** Called when a window has moved. */
  readonly #waiting = new Set<() => void>()

  constructor(catalog: Catalog, hosts: PartitionHosts) {
    this.#catalog = catalog
    this.#hosts = hosts
  }

  asked({ topic, partition, bytes }: Extract<HostNotice, { kind: 'windowAsked' }>): void {
    const place = this.#catalog.topics.get(topic)?.places[partition]
    const offer = place === undefined ? null : this.#catalog.shared.windows.offer(place, bytes)
    if (place === undefined || offer === null) return
    void this.#hosts.settled(this.#hosts.call(place.host, api => api.offerWindow(topic, partition, offer)))
  }

  moved({ topic, partition, address, number }: Extract<HostNotice, { kind: 'windowMoved' }>): void {
    this.#catalog.shared.windows.moved(topic, partition, address, number)
    for (const look of this.#waiting) look()
  }

  /** Does something that takes memory; once more, if there is none, when all loans have been called back. */
  async withRoom<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!isMillraceError(error, 'MILL_MEMORY') || !(await this.#recall())) throw error
      return act()
    }
  }

  /** Whether anything came back. */
  async #recall(): Promise<boolean> {
    const { windows } = this.#catalog.shared
    const before = windows.lentBytes
    const places = windows.borrowers()
    if (places.length === 0) return false
    await this.#hosts.all((api, host) =>
      api.recallWindows(
        places.filter(place => place.host === host).map(({ topic, partition }) => ({ topic, partition })),
      ),
    )
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.#waiting.delete(look)
        clearTimeout(timer)
        resolve()
      }
      const look = (): void => {
        if (windows.borrowers().length === 0) done()
      }
      const timer = setTimeout(done, RECALL_MS)
      this.#waiting.add(look)
      look()
    })
    return windows.lentBytes < before
  }
}
