/**
 * The door `millrace/testing`: the suite that each engine passes, and what one is written against.
 *
 * Any thread. It loads no broker: the embedded engine is loaded when the first one is opened.
 */
import '../actors/world.ts'
import type { Engine } from './engine/engine.ts'
import type { BrokerOptions } from './words/broker.ts'

export {
  type Capabilities,
  checkSeek,
  type SeekKind,
  type TopicNeeds,
  type WantedTopic,
} from './engine/capabilities.ts'
export {
  type Conformance,
  type ConformanceCase,
  type ConformanceTarget,
  conformance,
} from './engine/conformance/conformance.ts'
export {
  type Engine,
  type GroupPort,
  type Membership,
  openTopic,
  type Receiver,
  type SeekTarget,
  seekKind,
  type TopicPort,
  type TopicSettings,
  type TopicSummary,
} from './engine/engine.ts'
export type { DeliveredRecord, EncodedHeaders, EncodedRecord, Position } from './engine/records.ts'

/**
 * The engine that brokers have inside, behind the port of engines: one to compare with, and to test what is written against the
 * port. Its `capabilities` depend on `dir`.
 *
 * @throws MillraceError as `createBroker` does
 */
export async function embeddedEngine(options?: BrokerOptions): Promise<Engine> {
  const { openEmbeddedEngine } = await import('./embedded/embedded-engine.ts')
  return openEmbeddedEngine(options)
}
