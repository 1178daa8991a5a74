/** Entry of the control thread: takes what the main thread handed over, and what attaching threads send. */
import { workerData } from 'node:worker_threads'
import { type ControlStart, control } from './control-start.ts'

process.on('workerMessage', control(workerData as ControlStart))
