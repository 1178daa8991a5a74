/**
 * The shortest form of a topic pattern, by which patterns that match the same keys meet in the trie.
 *
 * Any thread. Pure. A run of wildcards with a `#` in it means "at least so many words as it has `*`": the `*` go first, and one `#` is
 * left. So no `#` follows another, and a walk has one self-loop for each run.
 *
 * Bound: the words of the pattern.
 */
export const WORD_END = '.'
export const ONE_WORD = '*'
export const ANY_WORDS = '#'

/** The words of a key or of a pattern: '' has none, and `a..b` has an empty one. */
export function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(WORD_END)
}

/** Words of a pattern that matches the same keys as the given one. */
export function shortestPattern(pattern: string): string[] {
  const words: string[] = []
  let hasAny = false
  for (const word of wordsOf(pattern)) {
    if (word === ANY_WORDS) hasAny = true
    else {
      if (hasAny && word !== ONE_WORD) {
        words.push(ANY_WORDS)
        hasAny = false
      }
      words.push(word)
    }
  }
  if (hasAny) words.push(ANY_WORDS)
  return words
}
