/** What has changed in the work tree since a revision, and the tests that should be run for it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { roomOf } from './classes.mjs'
import { compiledFrom, root } from './modules.mjs'

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args[0]}: ${stderr.trim()}`)
  return stdout.split('\n').filter(line => line !== '')
}

/** Where this branch left the one that it goes back to: the first of these that exists. */
function mergeBase() {
  for (const other of ['@{upstream}', 'origin/main', 'main']) {
    try {
      return git('merge-base', 'HEAD', other)[0]
    } catch {
      // No such branch.
    }
  }
  return 'HEAD'
}

/** Paths from the root that were changed, made or removed since `revision`, or since the merge base. */
export function changedSince(revision = mergeBase()) {
  return [...new Set([...git('diff', '--name-only', revision), ...git('ls-files', '--others', '--exclude-standard')])]
}

/**
 * Of `tests` those that can tell something of the change: pure ones that load what has changed, others that do and stand
 * in its room, and, when anything has changed, those that read the repository. `elsewhere` counts those in other rooms.
 */
export function testsOf(changed, tests) {
  const modules = new Set(changed.map(compiledFrom).filter(path => path !== null && existsSync(join(root, path))))
  const rooms = new Set([...modules].map(roomOf))
  const concerned = tests.filter(({ loads }) => [...modules].some(path => loads.has(path)))
  const near = concerned.filter(
    each => (each.class === 'pure' && !each.isSweep) || rooms.has(each.room) || modules.has(each.path),
  )
  const readers = changed.length === 0 ? [] : tests.filter(each => each.readsRepository && each.class === 'pure')
  return { chosen: [...new Set([...near, ...readers])], elsewhere: concerned.length - near.length }
}
