/**
 * Whether both packages could be published as they are: what `npm publish` would do, with no warning, and tarballs of a bounded size. It
 * builds first, as `prepack` says, and publishes nothing.
 *
 *   node .ci/publish.mjs
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Arguments for each package, and how large its tarball may be, in bytes. */
const PACKAGES = [
  { args: [], bytesMax: 2_500_000 },
  { args: ['--workspace', 'ring'], bytesMax: 80_000 },
]
/** Who runs the checks is not known to the registry. */
const EXPECTED = /^npm warn publish This command requires you to be logged in/

let faults = 0
function fault(text) {
  faults++
  console.error(text)
}

for (const { args, bytesMax } of PACKAGES) {
  const { status, stdout, stderr } = spawnSync('npm', ['publish', '--dry-run', '--json', ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  const warnings = stderr.split('\n').filter(line => /^npm (warn|error)/i.test(line) && !EXPECTED.test(line))
  for (const warning of warnings) fault(warning)
  if (status !== 0) {
    fault(`npm publish --dry-run ${args.join(' ')} ended with ${status}\n${stderr}`)
    continue
  }
  // Scripts write to standard output, too.
  const listed = JSON.parse(stdout.slice(stdout.indexOf('{')))
  const { filename, size, unpackedSize, files } = listed.filename === undefined ? Object.values(listed)[0] : listed
  console.log(`${filename}: ${size} bytes, ${unpackedSize} unpacked, ${files.length} files`)
  if (size > bytesMax) fault(`${filename} has ${size} bytes, of ${bytesMax} at most`)
}
process.exitCode = faults === 0 ? 0 : 1
