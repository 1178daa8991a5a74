/**
 * What partition hosts tell without being asked, and what becomes of it: events for the main thread, memory that is free.
 *
 * The control thread.
 */
import type { BrokerNotice } from '../wire/control-calls.ts'
import type { CutTail } from '../wire/folder.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'
import type { DeadLetterTopics } from './dead-letter-topics.ts'
import type { NamedProducers } from './named-producers.ts'
import type { WindowLending } from './window-lending.ts'

export interface NoticeParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly windows: WindowLending
  readonly producers: NamedProducers
  readonly deadLetterTopics: DeadLetterTopics
}

export class HostNotices {
  readonly #tell: (notice: BrokerNotice) => void
  /** What was cut off files before anybody could listen; null: from now on it is told at once. */
  #cuts: CutTail[] | null = []

  constructor(tell: (notice: BrokerNotice) => void) {
    this.#tell = tell
  }

  noticed(host: number, notice: HostNotice, parts: NoticeParts): void {
    const { gate, catalog, windows, producers, deadLetterTopics } = parts
    switch (notice.kind) {
      case 'deadLettered':
        for (const event of notice.events) this.#tell({ kind: 'event', event: 'deadLettered', payload: event })
        break
      case 'passedOver':
      case 'dropped':
      case 'attemptFailed':
      case 'looping':
      case 'stalled':
        this.#tell({ kind: 'event', event: notice.kind, payload: notice.event })
        break
      case 'deadLetterDepth':
        deadLetterTopics.counted(notice)
        break
      case 'ringDrained':
        if (catalog.threads.get(catalog.rings.get(notice.ring)?.thread ?? -1)?.leaving == null)
          catalog.forgetRing(notice.ring)
        producers.ringDrained()
        break
      case 'windowAsked':
        if (!gate.isClosed) windows.asked(notice)
        break
      case 'windowMoved':
        windows.moved(notice)
        break
      case 'drained': {
        const thread = catalog.threads.get(notice.thread)
        if (thread?.leaving?.delete(host) === true && thread.leaving.size === 0) catalog.forgetThread(notice.thread)
        producers.ringDrained()
        break
      }
      case 'recovered':
        this.cut(notice.cuts)
        break
      case 'diskFailed': {
        // Whoever has the folder now works on the same groups: nothing goes on here.
        const isLost = notice.error.code === 'MILL_LOCKED'
        this.#tell({ kind: isLost ? 'brokerFailed' : 'diskFailed', error: notice.error })
        break
      }
      case 'broken':
        this.#tell({ kind: 'brokerFailed', error: notice.error })
        break
    }
  }

  cut(cuts: readonly CutTail[]): void {
    if (this.#cuts !== null) this.#cuts.push(...cuts)
    else
      for (const { file, position, bytes, why } of cuts)
        this.#tell({ kind: 'event', event: 'recovered', payload: { file, position, bytes, reason: why } })
  }

  /** The broker is there, and whoever made it may listen. */
  tellCuts(): void {
    const cuts = this.#cuts ?? []
    this.#cuts = null
    this.cut(cuts)
  }
}
