/**
 * Subjects of another build of millrace, measured in the same rounds: `--against DIR`, a built clone.
 *
 * Main thread. Its benches are loaded from `DIR/dist/bench`. Of each case it gives the subjects of ours that have a
 * namesake there; their names end in `, before`.
 */
import type { Subject } from './subject.ts'
import { folderUrl } from './subjects/programs.ts'
import type { Suite, SuiteCase } from './suite.ts'

type Suites = Readonly<Record<string, Suite>>

/** Rivals are the same in both builds. */
const isOurs = (name: string): boolean => /^(millrace|stream|queue|request|exchange|\d+ partitions?)/.test(name)

export async function loadAgainst(dir: string): Promise<(suite: string, one: SuiteCase) => readonly Subject[]> {
  const folder = folderUrl(dir)
  const { suites } = (await import(new URL('dist/bench/suites.js', folder).href)) as { suites: Suites }
  return (suite, one) => {
    if (one.against !== undefined) return one.against(folder)
    const before = suites[suite]?.cases.find(({ name }) => name === one.name)
    const names = new Set(one.subjects.map(({ name }) => name))
    const same = before?.subjects.filter(({ name }) => isOurs(name) && names.has(name)) ?? []
    return same.map(subject => ({ ...subject, name: `${subject.name}, before` }))
  }
}
