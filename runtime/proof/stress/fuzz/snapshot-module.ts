/** The module of runs whose handlers are those of `snapshotHandler`. */
import type { Handler } from '../../../words/handler.ts'
import type { Counted } from './events.ts'
import { type Counting, siteOfThread, snapshotHandler } from './handlers.ts'

const handler: Handler<unknown, Counting, Counted> = snapshotHandler(siteOfThread)

export default handler
