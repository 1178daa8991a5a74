/** The handlers of programs, as `handle` takes them and as modules for threads of their own make them. Any thread. */
import { threadId } from 'node:worker_threads'
import { defineHandler } from '../../../options/define.ts'
import type { ManualDelivery } from '../../../words/delivery.ts'
import type { BatchHandler, Handler, HandlerContext } from '../../../words/handler.ts'
import { Site, type SiteData } from './act.ts'
import type { Counted } from './events.ts'
import { shareOf } from './jobs.ts'
import type { Job } from './plan.ts'
import { Sink } from './sink.ts'

/** Where a handler of a partition writes to; on the program's own thread it is always the same. */
export type SiteOf = (context: HandlerContext) => Site

const sites = new Map<string, Site>()

/** For a module that is the handler of a thread: its run's data says all. */
export function siteOfThread({ data }: HandlerContext): Site {
  const given = data as SiteData
  const known = sites.get(`${given.history}/${given.member}`)
  if (known !== undefined) return known
  const site = new Site(new Sink(given.history, given.kill), given, `${given.member}@${threadId}`)
  sites.set(`${given.history}/${given.member}`, site)
  return site
}

export function messageHandler(siteOf: SiteOf): Handler<unknown, Site> {
  return defineHandler<unknown, Site>({
    start: siteOf,
    message: (delivery, here, context) => here.handle(delivery, context),
  })
}

export interface Counting {
  readonly here: Site
  readonly partition: number
  /** One, which is replaced. */
  readonly counts: Counted[]
}

export function snapshotHandler(siteOf: SiteOf): Handler<unknown, Counting, Counted> {
  const begun = (at: 'started' | 'restored', counted: Counted, context: HandlerContext): Counting => {
    const here = siteOf(context)
    here.state(at, context.partition, counted)
    return { here, partition: context.partition, counts: [counted] }
  }
  return defineHandler<unknown, Counting, Counted>({
    start: context => begun('started', { n: 0, sum: 0, next: 0 }, context),
    snapshot: ({ counts: [counted] }) => counted,
    restore: (counted: Counted, context) => begun('restored', counted, context),
    message: (delivery, { here, counts }, context) => here.handle(delivery, context, counts),
    stop: ({ here, partition, counts: [counted] }) => {
      here.state('ended', partition, counted as Counted)
      return counted as Counted
    },
  })
}

export function batchHandler(siteOf: SiteOf): BatchHandler<unknown, Site> {
  return defineHandler<unknown, Site>({
    start: siteOf,
    batch: (deliveries, here, context) => handleBatch(deliveries, here, context),
  })
}

async function handleBatch(
  deliveries: readonly ManualDelivery[],
  here: Site,
  context: HandlerContext,
): Promise<unknown> {
  const jobs = deliveries.map(delivery => here.hand(delivery))
  for (const [n, job] of jobs.entries()) here.delay(job, deliveries[n] as ManualDelivery)
  if (jobs.some(({ fate }) => fate === 'later')) await new Promise(resolve => setTimeout(resolve, 1))
  const first = jobs[0] as Job
  const bad = jobs.findIndex((job, n) => here.fails(job, deliveries[n] as ManualDelivery))
  const settlesOne = shareOf(first.id, 'batch') < 0.5
  if (bad >= 0 && !settlesOne) {
    for (const delivery of deliveries) here.done(delivery, 'failed')
    throw here.error(jobs[bad] as Job)
  }
  const outputs: (Job | undefined)[] = []
  for (const [n, delivery] of deliveries.entries()) {
    const job = jobs[n] as Job
    const fails = here.fails(job, delivery)
    outputs.push(fails ? undefined : here.output(job, delivery))
    if (fails) settleOne(here, job, delivery)
    else here.done(delivery, 'ok')
  }
  if (here.by === 'return') return outputs
  const published = outputs.map(async (output, n) => {
    if (output !== undefined) await here.publish(output, deliveries[n] as ManualDelivery, context)
  })
  if (here.by === 'context') await Promise.all(published)
  else for (const one of published) one.catch(() => undefined)
  return undefined
}

function settleOne(here: Site, job: Job, delivery: ManualDelivery): void {
  here.done(delivery, job.fate === 'reject' ? 'rejected' : 'failed')
  here.did('batch settles one')
  if (job.fate === 'reject') delivery.reject(here.error(job))
  else delivery.nack(here.error(job))
}
