/** Places and sizes in files: whole numbers of bytes. Leaf, any thread. */

/**
 * Refuses what is no place in a file; the system would take some of it for the place where the last call ended.
 *
 * @throws RangeError
 */
export function checkBytes(what: string, bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`${what} must be a whole number of bytes, was ${bytes}`)
}
