/** The queue of this example, shared by whoever asks and by the threads that answer. */
import { defineQueue, type QueueDefinition } from 'millrace'

/** A password to be hashed or checked. */
export interface Login {
  readonly name: string
  readonly password: string
  /** To be checked against this; missing: to be hashed. */
  readonly hash?: string
  /** For a look at what may go wrong. */
  readonly trouble?: 'spins' | 'exits' | 'listens'
}

export const SIGN_IN = 1
export const loginsQueue: QueueDefinition<Login, string | boolean> = defineQueue('logins', {
  // Who signs in waits for it; those who sign up do not mind.
  priorities: 2,
  attempts: 2,
  backoff: { initialMs: 5 },
})
