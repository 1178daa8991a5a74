/** Entry of the control thread: takes what the main thread handed over. */
import { workerData } from 'node:worker_threads'
import { type ControlStart, control } from './control-start.ts'

control(workerData as ControlStart)
