/**
 * The control thread from its start on, before it is told what to do.
 *
 * The thread that creates the broker. A thread needs 50 ms to load its modules, and its hosts' threads as long again. So it is
 * started before this thread loads the modules of a broker, takes memory and locks the folder. Bound: one thread, which is told
 * what to do or ended.
 */
import type { TransferListItem, Worker } from 'node:worker_threads'
import { startWorker } from '../../actors/world.ts'
import { bundleOf } from '../base/bundle.ts'
import type { ControlStart, ControlThreadData } from '../wire/control-start.ts'
import { checkWhole } from './whole.ts'

/** Where its code is, as a bundler has written it. */
function controlEntry(): URL {
  return new URL('../control/control-entry.js', import.meta.url)
}

export class LaunchedControl {
  readonly worker: Worker
  /** How it ended. */
  readonly lost: Promise<string>

  /** @throws MillraceError `MILL_THREAD_LOST` if its files are not there */
  constructor(partitionThreads: number) {
    checkWhole(controlEntry)
    const data: ControlThreadData = { partitionThreads }
    const worker = startWorker(bundleOf(controlEntry()), {
      name: 'millrace control',
      execArgv: [],
      workerData: data,
    })
    this.worker = worker
    this.lost = new Promise<string>(resolve => {
      worker.once('error', error => resolve(`threw ${String(error)}`))
      worker.once('exit', code => resolve(`ended with code ${code}`))
    })
  }

  start(start: ControlStart, ports: readonly TransferListItem[]): void {
    this.worker.postMessage(start, ports)
  }

  /**
   * Ends it where there is nothing to do for it; resolves when it has ended. It ends by itself: Node 20 never closes the file of
   * a module that a thread reads while it is ended.
   */
  async abandon(): Promise<void> {
    this.worker.postMessage(null)
    await this.lost
  }
}
