/**
 * The names in a simulated folder: as processes see them, and as a loss of power may leave them.
 *
 * Two maps, current and durable, and the changes that lead from one to the other, oldest first: a sync applies all of
 * them, a loss of power some. Each name goes through its files in order, so a change that survives takes with it the
 * earlier ones of its names; otherwise each survives or not whatever the others do. A rename is one change of two
 * names: a durable file has its old name or its new one. Bound: the changes since the last sync.
 */
import type { Chance } from './chance.ts'
import type { SimFile } from './sim-file.ts'

interface Change {
  /** The name that is given or removed. */
  readonly name: string
  /** What has it from now on; null: nothing. */
  readonly file: SimFile | null
  /** The name that the file had before; null: none. */
  readonly before: string | null
}

export class SimFolder {
  readonly #current = new Map<string, SimFile>()
  readonly #durable = new Map<string, SimFile>()
  #changes: Change[] = []
  /** Folders in it; they are durable once they are made. */
  readonly folders: Set<string> = new Set()
  /** Folders that were removed, and may be there again after a loss of power. */
  readonly #removed = new Set<string>()

  get(name: string): SimFile | undefined {
    return this.#current.get(name)
  }

  /** Names of files and folders, sorted. */
  names(): string[] {
    return [...this.#current.keys(), ...this.folders].sort()
  }

  create(name: string, file: SimFile): void {
    this.#change({ name, file, before: null })
  }

  rename(from: string, to: string, file: SimFile): void {
    this.#change({ name: to, file, before: from })
  }

  remove(name: string): void {
    this.#change({ name, file: null, before: null })
  }

  removeFolder(name: string): void {
    this.folders.delete(name)
    this.#removed.add(name)
  }

  /** Makes all names durable. */
  sync(): void {
    this.#removed.clear()
    for (const change of this.#changes) apply(change, this.#durable)
    this.#changes = []
  }

  /** Each change that is not durable survives or not. What is left is durable. Returns the folders that are there again. */
  powerCut(chance: Chance, survives: number): string[] {
    const back = [...this.#removed].filter(() => !chance.happens(survives))
    for (const name of back) this.folders.add(name)
    this.#removed.clear()
    const settled = new Set<string>()
    const surviving: Change[] = []
    for (const change of this.#changes.toReversed()) {
      const { name, before } = change
      const isSettled = settled.has(name) || (before !== null && settled.has(before))
      if (!isSettled && !chance.happens(survives)) continue
      surviving.push(change)
      settled.add(name)
      if (before !== null) settled.add(before)
    }
    for (const change of surviving.toReversed()) apply(change, this.#durable)
    for (const { name, before } of this.#changes) {
      this.#restore(name)
      if (before !== null) this.#restore(before)
    }
    this.#changes = []
    return back
  }

  #restore(name: string): void {
    const file = this.#durable.get(name)
    if (file === undefined) this.#current.delete(name)
    else this.#current.set(name, file)
  }

  #change(change: Change): void {
    apply(change, this.#current)
    this.#changes.push(change)
  }
}

function apply({ name, file, before }: Change, names: Map<string, SimFile>): void {
  if (before !== null) names.delete(before)
  if (file === null) names.delete(name)
  else names.set(name, file)
}
