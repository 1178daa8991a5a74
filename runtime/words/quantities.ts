/**
 * Numbers that must not be taken for one another, each with its meaning in its type.
 *
 * Leaf, any thread; types only, nothing at run time. To make one, say so where the number is declared: `const from: Offset = 5`,
 * or a field, a parameter, a result. Every plain number may become one, and what is calculated from one is a plain number, so
 * that no conversion is written anywhere. What the compiler refuses is one where another is asked for, or compared with it.
 */
declare const MEANING: unique symbol

interface Meaning<Name extends string> {
  readonly [MEANING]?: Name
}

/** Durable place of a record in its partition, from 0; below 2^53. */
export type Offset = number & Meaning<'offset'>

/** Transient place of a byte in a window or a ring: 32 bits, signed, wrapping. */
export type Position = number & Meaning<'position'>

/** Number of a record among those of its producer in a partition: the low 32 bits, signed, wrapping. */
export type Sequence = number & Meaning<'sequence'>

/** Number of a partition in its topic, from 0. */
export type PartitionId = number & Meaning<'partition'>

/** Number of a producer's ring, never given twice; 0: frames that a partition host made. */
export type RingId = number & Meaning<'ring'>

/** Number of one group on one partition, never given twice. */
export type CursorId = number & Meaning<'cursor'>

/** Fencing number of the reader of a slot. */
export type Epoch = number & Meaning<'epoch'>
