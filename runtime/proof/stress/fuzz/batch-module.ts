/** The module of runs whose handlers are those of `batchHandler`. */
import type { BatchHandler } from '../../../words/handler.ts'
import type { Site } from './act.ts'
import { batchHandler, siteOfThread } from './handlers.ts'

const handler: BatchHandler<unknown, Site> = batchHandler(siteOfThread)

export default handler
