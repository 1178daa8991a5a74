/** Entry of the control thread: takes what the main thread handed over. */
import { workerData } from 'node:worker_threads'
import { type ControlStart, control } from './control-thread.ts'

control(workerData as ControlStart)
