/** Names of the files by which a folder is held. Leaf, any thread. */

export const LOCK = 'LOCK'
/** Before the token of the holder that it follows. */
export const AFTER = 'LOCK.after-'
/** The socket of the holder. */
export const CONTROL = 'control.sock'
