/** What a partition's writer knows of the joint that its open frame is part of. Types only; the producer's thread. */
import type { Part } from './frame-tickets.ts'

/** Frames that are open in several rings. */
export interface OpenJoint {
  /** Seals all of them. */
  seal(): void
}

/** One of them. */
export interface JointFrame {
  /** Who hears of its records. */
  readonly parts: readonly Part[]
  /** It is sealed: the addresses of its note and of itself, its records, and the position of the note in the ring. */
  sealed(note: number, frame: number, count: number, position: number): void
}
