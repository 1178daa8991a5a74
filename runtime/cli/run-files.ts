/**
 * The files of a run, and those that must differ. Pure: its input is the identity of each name when it was opened.
 *
 * Names are not enough: `x`, `./x`, a symlink and a hard link are one file. Device and inode of the open file decide. A
 * terminal or `/dev/null` may be named twice, and so may a pipe or socket that is both standard input and output. A
 * file or FIFO may not: one of the two would be overwritten, or written lines would be read again, without an end.
 */
export interface RunFile {
  /** Name in the user's words, such as `--output out`. */
  readonly name: string
  readonly use: 'read' | 'write'
  /** Standard input, output or error, and not something that was opened by its path. */
  readonly isStandard: boolean
  /** Whether it is standard output or error without being named by the user. */
  readonly isImplied: boolean
  readonly kind: 'file' | 'terminal' | 'other'
  readonly device: bigint
  readonly inode: bigint
}

/** Names the two that are the same; `undefined`: none. */
export function clashOf(files: readonly RunFile[]): string | undefined {
  for (const [index, one] of files.entries()) {
    for (const other of files.slice(index + 1)) {
      if (!isClash(one, other)) continue
      const [read, written] = one.use === 'read' ? [one, other] : [other, one]
      if (read.use === 'read') return `${read.name} would be overwritten: ${written.name} is the same file`
      return `${one.name} and ${other.name} are the same file`
    }
  }
  return undefined
}

function isClash(one: RunFile, other: RunFile): boolean {
  if (one.device !== other.device || one.inode !== other.inode || one.kind === 'terminal') return false
  const write = one.use === 'write' && other.use === 'write'
  const standard = one.isStandard && other.isStandard
  if (one.use === 'read' && other.use === 'read') return false
  // Little is written there, if anything: that matters in a file only.
  if (one.isImplied || other.isImplied) return one.kind === 'file' && !(write && standard)
  // A shell, or another parent, made two of one. Only a file would grow while it is read.
  if (standard && !write) return one.kind === 'file'
  return true
}
