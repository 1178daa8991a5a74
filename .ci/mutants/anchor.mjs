/**
 * Where a mutant stands: the one place in the sources where its `search` occurs, and, if it says so, within the
 * declaration `in`. Neither names a file or an indentation, so that a line or a file may move. Used by the runner and by
 * `runtime/proof/repository/tidy.test.ts`: what one of them finds, the other does.
 */

const SIMILAR = 3

/** `search` as a pattern in which any white space stands for any other. */
function patternOf(search) {
  const parts = search.trim().split(/\s+/)
  return new RegExp(parts.map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+'), 'g')
}

/** `append` is around a place when a declaration of that name is; `Journal.append` when one is within the other. */
function isWithin(names, wanted) {
  let from = 0
  for (const part of wanted.replaceAll('#', '').split('.')) {
    const at = names.findIndex((name, index) => index >= from && name.replace('#', '') === part)
    if (at === -1) return false
    from = at + 1
  }
  return true
}

/** All places where a mutant's search occurs on one line: source, line (from 1), and its extent in the text. */
function occurrences(sources, search) {
  const pattern = patternOf(search)
  // Most files do not even hold the longest word of it, and to see that is quick.
  const longest = search.split(/\s+/).reduce((one, other) => (other.length > one.length ? other : one))
  return sources.flatMap(source => {
    const found = []
    if (!source.text.includes(longest)) return found
    let start = 0
    source.lines.forEach((text, index) => {
      for (const match of text.matchAll(pattern)) {
        const at = start + match.index
        found.push({
          source,
          path: source.path,
          line: index + 1,
          start: at,
          end: at + match[0].length,
          text: text.trim(),
        })
      }
      start += text.length + 1
    })
    return found
  })
}

function pairs(text) {
  const folded = text.replace(/\s+/g, ' ').trim()
  return new Set(Array.from({ length: Math.max(0, folded.length - 1) }, (_, at) => folded.slice(at, at + 2)))
}

/** The lines that share most pairs of letters with a search that occurs nowhere. */
function similarTo(sources, search) {
  const wanted = pairs(search)
  const scored = sources.flatMap(({ path, lines }) =>
    lines.map((text, index) => {
      const had = pairs(text)
      let shared = 0
      for (const pair of wanted) if (had.has(pair)) shared++
      return { path, line: index + 1, text: text.trim(), score: (2 * shared) / (wanted.size + had.size + 1) }
    }),
  )
  return scored.sort((a, b) => b.score - a.score).slice(0, SIMILAR)
}

function shown({ path, line, text, source, start }) {
  const names = source === undefined ? [] : source.around(start)
  return `    ${path}:${line}${names.length > 0 ? ` in ${names.join('.')}` : ''}: ${text}`
}

/** The `place` of a mutant, or, in `fault`, in words why there is none and what to do. */
export function anchorOf(sources, { name, search, in: within }) {
  const all = occurrences(sources, search)
  const places = within === undefined ? all : all.filter(({ source, start }) => isWithin(source.around(start), within))
  if (places.length === 1) return { place: places[0], fault: null }
  const wanted = `\`${search}\`${within === undefined ? '' : ` in ${within}`}`
  const [saying, lines] =
    places.length > 1
      ? [`stands at ${places.length} places; re-anchor it by "in", or by a longer "search":`, places]
      : all.length > 0
        ? ['stands nowhere, only at these places; re-anchor it by its "in":', all]
        : ['stands nowhere; re-anchor it by "search". Most like it are:', similarTo(sources, search)]
  return { place: undefined, fault: [`${name}: ${wanted} ${saying}`, ...lines.map(shown)].join('\n') }
}
