/**
 * What is opened by its name, one client for each, however often it is asked for. The creating thread.
 *
 * A name may be another's after a deletion, which has another number.
 */
export class OpenedClients<C> {
  readonly #clients = new Map<string, { readonly id: number; readonly opened: Promise<C> }>()

  /** The client of what has this name and number; `open` makes it, and is given what forgets it again. */
  open(name: string, id: number, open: (forget: () => void) => Promise<C>): Promise<C> {
    const known = this.#clients.get(name)
    if (known?.id === id) return known.opened
    const forget = (): void => {
      if (this.#clients.get(name)?.id === id) this.#clients.delete(name)
    }
    const opened = open(forget)
    this.#clients.set(name, { id, opened })
    opened.catch(forget)
    return opened
  }
}
