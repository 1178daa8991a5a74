/** A thread that writes into a journal until it is ended. The offset of each of its entries is one more than the last. */
import { workerData } from 'node:worker_threads'
import { Journal } from './journal.fixture.ts'

const { buffer, who } = workerData as { readonly buffer: SharedArrayBuffer; readonly who: number }
const journal = new Journal(buffer)
for (let offset = 0; ; offset++) journal.add('pending', { who, partition: who, offset, id: offset * 2 })
