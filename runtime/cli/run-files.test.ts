import t from 'tap'
import { clashOf, type RunFile } from './run-files.ts'

function file(name: string, inode: number, more: Partial<RunFile> = {}): RunFile {
  const use = /input|handler/.test(name) ? 'read' : 'write'
  const whole = {
    name,
    use,
    isStandard: false,
    isImplied: false,
    kind: 'file',
    device: 1n,
    inode: BigInt(inode),
  } as const
  return { ...whole, ...more }
}

const STANDARD = { isStandard: true } as const
const IMPLIED = { isStandard: true, isImplied: true } as const
const PIPE = { kind: 'other' } as const
const TERMINAL = { kind: 'terminal' } as const

t.test('files that are all different go together, whatever they are called', async t => {
  t.equal(clashOf([file('input', 1), file('output', 2), file('dead letters', 3)]), undefined)
  t.equal(
    clashOf([file('input', 1), file('output', 1, { device: 2n })]),
    undefined,
    'a number is one of its device only',
  )
  t.equal(clashOf([file('handler', 1), file('input', 1)]), undefined, 'a file may be read twice')
})

t.test('what is read is not written, and nothing is written twice', async t => {
  const wrong: [string, RunFile[]][] = [
    ['input would be overwritten: output is the same file', [file('input', 1), file('output', 1)]],
    ['handler would be overwritten: dead letters is the same file', [file('handler', 1), file('dead letters', 1)]],
    ['output and dead letters are the same file', [file('output', 1), file('dead letters', 1)]],
    ['input would be overwritten: output is the same file', [file('input', 1, STANDARD), file('output', 1)]],
    ['input would be overwritten: output is the same file', [file('input', 1), file('output', 1, STANDARD)]],
    ['input would be overwritten: output is the same file', [file('input', 1, STANDARD), file('output', 1, STANDARD)]],
    ['input would be overwritten: output is the same file', [file('input', 1, PIPE), file('output', 1, PIPE)]],
    ['output and dead letters are the same file', [file('output', 1, STANDARD), file('dead letters', 1, STANDARD)]],
    ['output and standard error are the same file', [file('output', 1), file('standard error', 1, IMPLIED)]],
    [
      'input would be overwritten: standard output is the same file',
      [file('input', 1), file('standard output', 1, IMPLIED)],
    ],
  ]
  for (const [message, files] of wrong) t.equal(clashOf(files), message)
})

t.test('a terminal may be everything, and standard streams may be one where no file grows', async t => {
  const right: RunFile[][] = [
    [file('input', 1, TERMINAL), file('output', 1, TERMINAL), file('dead letters', 1, TERMINAL)],
    [file('input', 1, { ...STANDARD, ...PIPE }), file('output', 1, { ...STANDARD, ...PIPE })],
    [file('output', 1, STANDARD), file('standard output', 1, IMPLIED), file('standard error', 1, IMPLIED)],
    [file('output', 1, PIPE), file('standard output', 1, { ...IMPLIED, ...PIPE })],
  ]
  for (const files of right) t.equal(clashOf(files), undefined)
})
