/**
 * The files of a run, and which of them may not be the same. Pure: it is told what each name led to when it was opened.
 *
 * Names do not tell: `x`, `./x`, a symlink and a hard link are one file. What counts is device and inode of what is open.
 * A terminal or `/dev/null` may be named twice, and so may a pipe or socket that is both standard input and output. A file
 * or FIFO may not: one of the two would be overwritten, or what is written would be read again, without an end.
 */
export interface RunFile {
  /** As the user calls it, such as `--output out`. */
  readonly name: string
  readonly use: 'read' | 'write'
  /** Standard input, output or error, and not something that was opened by its path. */
  readonly isStandard: boolean
  /** Standard output or error, which are there though nobody named them. */
  readonly isImplied: boolean
  readonly kind: 'file' | 'terminal' | 'other'
  readonly device: bigint
  readonly inode: bigint
}

/** Says which two are the same; `undefined`: none that matter are. */
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
  // A shell, or who started this, made two of one; only a file would grow while it is read.
  if (standard && !write) return one.kind === 'file'
  return true
}
