/**
 * Whether each relative link of the documents in a package leads to a file in it: on a registry's page and in `node_modules` the repository is
 * not there.
 *
 *   node .ci/package-links.mjs            both packages, as npm would pack them
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What npm would pack: `path` of each file, and the sizes. */
function packed(folder) {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const json = execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return Object.values(JSON.parse(json))[0]
}

/** Links of a document that lead to no file of its package. Code and addresses of the web are left out. */
export function deadLinks(path, text, files) {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)].map(([, inline, below]) => inline ?? below)
  return targets
    .filter(target => !/^([a-z]+:|#)/.test(target))
    .filter(target => !files.has(posix.join(posix.dirname(path), target.replace(/#.*/, ''))))
    .map(target => `${path} links to ${target}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dead = ['.', 'ring'].flatMap(name => {
    const folder = join(root, name)
    const { files, size, unpackedSize, filename } = packed(folder)
    console.log(`${filename}: ${size} bytes, ${unpackedSize} unpacked, ${files.length} files`)
    const paths = new Set(files.map(({ path }) => path))
    const documents = [...paths].filter(path => path.endsWith('.md'))
    return documents.flatMap(path => deadLinks(path, readFileSync(join(folder, path), 'utf8'), paths))
  })
  for (const link of dead) console.error(`${link}, which is not in the package`)
  process.exitCode = dead.length === 0 ? 0 : 1
}
