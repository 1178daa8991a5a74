/** Threads for partition hosts that are ready before they are needed. The control thread. */
import { SpareThreads, type ThreadOptions } from '../../actors/host-thread.ts'
import { bundleOf } from '../base/bundle.ts'

/** How the thread of a partition host is made. It runs no user code. */
export function hostThreads(): ThreadOptions {
  return { behaviour: bundleOf(new URL('../host/partition-host.js', import.meta.url)), execArgv: [] }
}

export function spareHosts(): SpareThreads {
  return new SpareThreads(hostThreads())
}
