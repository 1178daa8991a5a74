/** The module of runs whose handlers are those of `messageHandler`. */
import type { Handler } from '../../../words/handler.ts'
import type { Site } from './act.ts'
import { messageHandler, siteOfThread } from './handlers.ts'

const handler: Handler<unknown, Site> = messageHandler(siteOfThread)

export default handler
