import t from 'tap'
import { classify, describe, type ExitReason, isNormal } from './exit-reason.ts'

const error = { name: 'Error', message: 'boom', code: 'X' }

t.test('classifies by what the thread said, then by what we did, then by the exit code', async t => {
  t.same(classify({ code: 0 }), { kind: 'exit', code: 0 })
  t.same(classify({ killedWhy: 'slow', code: 1 }), { kind: 'killed', why: 'slow' })
  t.same(classify({ outcome: { kind: 'normal' }, killedWhy: 'slow', code: 1 }), { kind: 'normal' })
  t.same(classify({ crash: error, killedWhy: 'slow', code: 1 }), { kind: 'error', error })
  t.same(classify({ crash: { ...error, code: 'ERR_WORKER_OUT_OF_MEMORY' }, code: 1 }), { kind: 'outOfMemory' })
})

t.test('describes every reason in words and as data', async t => {
  const reasons: readonly ExitReason[] = [
    { kind: 'normal' },
    { kind: 'error', error },
    { kind: 'exit', code: 0 },
    { kind: 'outOfMemory' },
    { kind: 'killed', why: 'slow' },
    { kind: 'loadFailed', error },
    { kind: 'zombie', after: { kind: 'killed', why: 'slow' } },
  ]
  t.same(reasons.map(describe), [
    'returned',
    'threw Error [X]: boom',
    'called process.exit(0)',
    'ran out of memory (its heap limit)',
    'was ended: slow',
    'could not be loaded: Error [X]: boom',
    'does not end and was abandoned after it was ended: slow',
  ])
  t.same(structuredClone(reasons), reasons)
  t.same(reasons.filter(isNormal), [{ kind: 'normal' }])
})
