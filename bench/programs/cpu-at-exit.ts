/** Loaded before a program that is measured: at its end it writes the processor time of all its threads, in us, to descriptor 3. */
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const descriptor = 3

if (isMainThread) {
  process.on('exit', () => {
    const { user, system } = process.cpuUsage()
    writeSync(descriptor, String(user + system))
  })
}
