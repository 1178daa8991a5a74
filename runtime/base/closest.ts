/** The known word that is most like a mistyped one. Leaf, any thread. */

/** The candidate that `word` was probably meant to be, if one is near enough to be worth saying. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  // An absurdly long key is no typing mistake, and the distance takes time quadratic in its length.
  if (word.length > 64) return undefined
  const lower = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const target = candidate.toLowerCase()
    const isPart = lower.length >= 4 && target.includes(lower)
    const distance = isPart ? 1 : editDistance(lower, target)
    if (distance < bestDistance && distance <= Math.ceil(target.length / 3)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let distance = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) distance = Math.min(distance, beforeLast[column - 2]! + 1)
      current.push(distance)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}
