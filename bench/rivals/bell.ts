/**
 * Parking and waking over one shared Int32: 1 while its owner sleeps.
 *
 * Any thread; used by the rivals that share memory. A waker pays for a notify only when the word says that someone
 * sleeps; a sleeper spins briefly, says that it sleeps, looks again, and waits at most 100 ms, so a lost wake costs a
 * pause and never a hang.
 */
const spins = 300
const waitMaxMs = 100

export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(128)
}

export function wake(bell: Int32Array): void {
  if (Atomics.load(bell, 0) !== 1) return
  Atomics.store(bell, 0, 0)
  Atomics.notify(bell, 0)
}

export function park(bell: Int32Array, ready: () => boolean): void {
  for (let spin = 0; spin < spins; spin++) if (ready()) return
  Atomics.store(bell, 0, 1)
  if (!ready()) Atomics.wait(bell, 0, 1, waitMaxMs)
  Atomics.store(bell, 0, 0)
}
