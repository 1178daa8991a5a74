/**
 * The exchanges of a broker and their bindings: what exists, what the folder keeps of it, and what publishers' tables lack.
 *
 * The control thread; nothing here waits. A change is durable first, then it counts here, and then ROUTES says so (layout.ts), whose one
 * writer this is. A caller hears of it after that. Kept are bindings to exchanges and to what is on disk: the others end with their process.
 *
 * Bound: ROUTES_MAX exchanges and bindings, beyond which calls fail with `MILL_MEMORY`.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { Bindings } from '../routing/bindings.ts'
import type {
  BindingPage,
  BoundBy,
  BoundTarget,
  ExchangeListing,
  ExchangeShape,
  RoutePage,
  TablePosition,
} from '../wire/route-changes.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { StoredBinding, StoredExchanges } from './stored-exchanges.ts'

export const ROUTES_MAX = 1_000_000

export class Exchanges {
  readonly #memory: Memory
  readonly #word: number
  readonly #stored: StoredExchanges | null
  readonly #bindings = new Bindings()
  readonly #byId = new Map<number, ExchangeShape>()
  readonly #byName = new Map<string, ExchangeShape>()
  /** By id: one object for each target, however many bindings lead to it. */
  readonly #targets = new Map<number, BoundTarget>()

  /** `word`: address of ROUTES. @throws MillraceError MILL_DISK */
  constructor(memory: Memory, word: number, directory: BrokerDirectory | null) {
    this.#memory = memory
    this.#word = word
    this.#stored = directory?.exchanges ?? null
    if (directory !== null) this.#load(directory)
    this.#tell()
  }

  named(name: string): ExchangeShape | undefined {
    return this.#byName.get(name)
  }

  /** The exchange of that id. @throws MillraceError MILL_TOPIC_DELETED */
  of(exchange: number): ExchangeShape {
    const known = this.#byId.get(exchange)
    if (known === undefined) throw deletedTopic(null, 'exchange')
    return known
  }

  has(exchange: number): boolean {
    return this.#byId.has(exchange)
  }

  /** A new one, of a name that nothing has. @throws MillraceError MILL_DISK, MILL_MEMORY */
  declare(shape: ExchangeShape): void {
    this.#checkRoom()
    this.#stored?.declare(shape)
    this.#add(shape)
    this.#tell()
  }

  /** `isKept`: the target is there in the next process. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK, MILL_MEMORY */
  bind(exchange: number, target: BoundTarget, by: BoundBy, isKept: boolean): void {
    const { name } = this.of(exchange)
    const to = this.#targetOf(target)
    if (this.#bindings.has(name, to, by)) return
    this.#checkRoom()
    if (isKept) this.#stored?.bind({ exchange, kind: target.kind, target: target.id, by })
    this.#bindings.bind(name, to, by)
    this.#tell()
  }

  /** Nothing happens where nothing is bound. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  unbind(exchange: number, target: BoundTarget, by: BoundBy): void {
    const { name } = this.of(exchange)
    const to = this.#targetOf(target)
    if (!this.#bindings.has(name, to, by)) return
    this.#stored?.forget([{ exchange, kind: target.kind, target: target.id, by }])
    this.#bindings.unbind(name, to, by)
    this.#tell()
  }

  /** With its bindings, and those to it. Nothing happens if it is gone already. @throws MillraceError MILL_DISK */
  delete(exchange: number): void {
    const known = this.#byId.get(exchange)
    if (known === undefined) return
    this.#stored?.delete(known.name)
    const unbound = this.forget(exchange, known.name)
    this.#stored?.forget(unbound)
  }

  /** What has that id is no more: what leads to it is gone at once. Returns that, for `StoredExchanges.forget`. */
  forget(id: number, name: string): StoredBinding[] {
    const unbound: StoredBinding[] = []
    for (const gone of this.#bindings.forget(name)) {
      if (gone.kind !== 'unbind') continue
      const { kind, id: target } = gone.target as BoundTarget
      unbound.push({ exchange: (this.#byName.get(gone.exchange) as ExchangeShape).id, kind, target, by: gone.by })
    }
    this.#targets.delete(id)
    if (this.#byId.delete(id)) this.#byName.delete(name)
    this.#tell()
    return unbound
  }

  /** What a table lacks, or the first part of it. */
  since(position: TablePosition): RoutePage {
    return this.#bindings.since(position)
  }

  /** All of them, by name. */
  list(): ExchangeListing[] {
    const shapes = [...this.#byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
    return shapes.map(({ id: _, ...shape }) => ({ ...shape, bindings: this.#bindings.count(shape.name) }))
  }

  /** A part of the bindings of one. @throws MillraceError MILL_TOPIC_DELETED */
  bindings(exchange: number, after: number): BindingPage {
    return this.#bindings.page(this.of(exchange).name, after)
  }

  #load(directory: BrokerDirectory): void {
    for (const shape of directory.exchanges.exchanges()) this.#add(shape)
    const names = new Map(directory.topics().map(({ shape: { id, name } }) => [id, name]))
    for (const { id, name } of this.#byId.values()) names.set(id, name)
    const stale: StoredBinding[] = []
    for (const binding of directory.exchanges.bindings()) {
      const from = names.get(binding.exchange)
      const name = names.get(binding.target)
      if (from === undefined || name === undefined) stale.push(binding)
      else this.#bindings.bind(from, this.#targetOf({ kind: binding.kind, name, id: binding.target }), binding.by)
    }
    // A process ended between the end of a target and that of its bindings.
    directory.exchanges.forget(stale)
  }

  #add(shape: ExchangeShape): void {
    this.#byId.set(shape.id, shape)
    this.#byName.set(shape.name, shape)
    this.#bindings.declare(shape)
  }

  #targetOf({ kind, name, id }: BoundTarget): BoundTarget {
    const known = this.#targets.get(id) ?? { kind, name, id }
    this.#targets.set(id, known)
    return known
  }

  #checkRoom(): void {
    if (this.#bindings.size < ROUTES_MAX) return
    throw new MillraceError(
      'MILL_MEMORY',
      `the broker has ${ROUTES_MAX} exchanges and bindings, and takes no more: unbind what is not needed, or bind patterns in place of single keys`,
    )
  }

  #tell(): void {
    this.#memory.store(this.#word, this.#bindings.generation | 0)
  }
}
