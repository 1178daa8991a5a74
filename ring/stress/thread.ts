/** A worker thread of the stress: its end is known, and when it had begun, by its first message. Main thread. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export class StressedThread<M> {
  readonly #worker: Worker
  readonly exited: Promise<unknown>
  /** How long it took to its first message; `null`: there was none yet. */
  startMs: number | null = null

  constructor(module: URL, data: object, onMessage: (message: M) => void, onFault: (fault: string) => void) {
    this.#worker = new Worker(module, { workerData: data, execArgv: [] })
    const since = performance.now()
    this.#worker.once('message', () => {
      this.startMs = performance.now() - since
    })
    this.#worker.on('message', onMessage)
    this.#worker.on('error', error => onFault(`a thread failed: ${error.stack}`))
    this.exited = once(this.#worker, 'exit')
  }

  post(message: object): void {
    this.#worker.postMessage(message)
  }

  get running(): boolean {
    return this.startMs !== null
  }

  /** Kills it and resolves when it is gone. */
  async kill(): Promise<void> {
    await Promise.all([this.#worker.terminate(), this.exited])
  }
}
