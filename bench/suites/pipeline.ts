/** A record from main to a handler thread: streams beside what there is, and beside what one would write by hand. */
import { piscina } from '../rivals/piscina.ts'
import { postMessage } from '../rivals/post-message.ts'
import {
  postMessage100,
  postMessage1000,
  postMessage1000Direct,
  postMessage4096,
} from '../rivals/post-message-packed.ts'
import { rawPipeline } from '../rivals/raw-pipeline.ts'
import { ringbuf } from '../rivals/ringbuf.ts'
import { rxjs } from '../rivals/rxjs.ts'
import { sameWork, sameWorkRelayed } from '../rivals/same-work.ts'
import type { CaseName } from '../subject.ts'
import { millrace } from '../subjects/millrace.ts'
import type { Suite } from '../suite.ts'

const byHand = [sameWork, sameWorkRelayed]
const packed = [postMessage100, postMessage1000, postMessage4096, postMessage1000Direct]

export const pipelineSuite: Suite = {
  hops: 2,
  cases: [
    { name: 'eachBatch', about: 'main to four partitions to handlers, 512 records at a time' },
    { name: 'eachMessage', about: 'the same, each record by itself' },
    { name: 'awaited', about: 'the same, each publication awaited, in windows of 1,000' },
  ].map(one => ({
    ...one,
    name: one.name as CaseName,
    subjects: [millrace, ...byHand, ...packed, postMessage, ringbuf, piscina, rxjs, rawPipeline],
    payloads: ['64', '1024', 'json'],
    // All are compiled then: with half of it, rates still rise by a half in the measured run.
    warmUps: 2,
  })),
}

export const handlersSuite: Suite = {
  hops: 2,
  cases: [
    { name: 'reads-byte', check: 'first' as const, about: 'eachBatch with a handler that reads one byte of a value' },
    { name: 'works-1us', check: 'work' as const, about: 'and with one that computes for about 1 us' },
  ].map(one => ({
    ...one,
    name: one.name as CaseName,
    subjects: [millrace, ...byHand, postMessage1000, postMessage1000Direct, rawPipeline],
    payloads: ['64'],
    warmUps: 2,
  })),
}
