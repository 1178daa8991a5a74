/**
 * The topics of this example, shared by the main thread and the handler threads.
 */
import { defineTopic, type TopicDefinition } from 'millrace'

export interface Order {
  readonly id: number
  readonly items: number
  /** How many items fit into one box. */
  readonly perBox: number
  readonly currency: string
  readonly customer: { readonly country: string } | null
}

export interface Packed {
  readonly id: number
  readonly boxes: number
}

export const ordersTopic: TopicDefinition<Order> = defineTopic<Order>('orders', { partitions: 4, groups: ['packing'] })

/** What the handlers return. */
export const packedTopic: TopicDefinition<Packed> = defineTopic<Packed>('packed', {
  partitions: 4,
  groups: ['counting'],
})
