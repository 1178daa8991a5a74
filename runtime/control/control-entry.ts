/**
 * Entry of the control thread: starts the partition hosts' threads, loads its own modules meanwhile, and takes its work when both
 * are under way.
 *
 * The main thread tells the work in one message, and may do so before any of this is loaded; null is no work. From then on this
 * takes what attaching threads send.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { ControlStart, ControlThreadData } from '../wire/control-start.ts'
import { spareHosts } from './spare-hosts.ts'

const hosts = spareHosts()
hosts.keep(60_000, (workerData as ControlThreadData).partitionThreads)
const modules = import('./control-start.ts')

parentPort?.once('message', async (start: ControlStart | null) => {
  if (start === null) {
    await hosts.close()
    return
  }
  const { control } = await modules
  process.on('workerMessage', control(start, hosts))
})
