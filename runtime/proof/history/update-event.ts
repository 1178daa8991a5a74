/** Updates of a queue's messages, as they are seen in a history. Types only. */
export type UpdateEvent =
  /** A message is about to be updated: from now on it is as it was, or as it is to be. */
  | { readonly kind: 'updating'; readonly topic: string; readonly id: string }
  /** What became of that. Left out: it is not known. */
  | {
      readonly kind: 'updated'
      readonly topic: string
      readonly id: string
      readonly isChanged?: boolean
      /** It has a new delay, and is not due before. */
      readonly dueMs?: number
      /** It has a new time to live, until then at the latest; left out: that it had, or one that is not known. */
      readonly expiresMs?: number
    }
