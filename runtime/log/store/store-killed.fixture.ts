/** A program that appends to a log store, prints how much was acknowledged, and kills itself at a point of the store. */
import { writeSync } from 'node:fs'
import { NodeDisk } from '../disk/node-disk.ts'
import type { FaultPoint } from './fault-point.ts'
import { entryOf, ORDERS, STORE_ID } from './log-store.fixture.ts'
import { LogStore } from './log-store.ts'

const [folder = '', point = '', times = '1'] = process.argv.slice(2)
let left = Number(times)

function fault(at: FaultPoint): void {
  if (at !== point || --left > 0) return
  process.kill(process.pid, 'SIGKILL')
  // The signal takes a moment, in which nothing may be done.
  for (;;);
}

const partitions = [{ topic: ORDERS, partition: 0 }]
const store = LogStore.open(new NodeDisk(), folder, 0, STORE_ID, partitions, { journalBytes: 4096, fault })
const log = store.partition(ORDERS, 0)

function append(time: number): void {
  if (time > 300) return
  store.append([entryOf(log, 900)])
  writeSync(1, `${log.endOffset}\n`)
  if (time % 7 === 6) store.truncateTo(log, log.endOffset)
  if (store.tend(time)) setImmediate(append, time + 1)
  else append(time + 1)
}

setImmediate(append, 0)
