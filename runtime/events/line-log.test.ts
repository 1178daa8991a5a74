import t from 'tap'
import type { Logger } from '../words/common-options.ts'
import { LineLog } from './line-log.ts'

const BROKEN: readonly [string, Logger, RegExp][] = [
  [
    'throws',
    {
      warn: () => {
        throw new Error('out of\n\u001b[2Jpaper')
      },
      error: () => {},
    },
    /out of\\n\\u001b\[2Jpaper/,
  ],
  ['rejects', { warn: async () => Promise.reject(new Error('no network')), error: () => {} } as Logger, /no network/],
  ['has lost its method', { error: () => {} } as unknown as Logger, /not a function/],
  [
    'returns what cannot be looked at',
    {
      warn: () => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      },
      error: () => {},
    } as unknown as Logger,
    /revoked/,
  ],
]

for (const [what, logger, why] of BROKEN) {
  t.test(`a logger that ${what} is told of once, with the line that it did not take`, async t => {
    const said: string[] = []
    const uncaught: unknown[] = []
    const note = (error: unknown): unknown => uncaught.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const log = new LineLog(logger, text => said.push(text))
    for (let i = 1; i <= 3; i++) log.write('warn', `line ${i}`)
    log.write('error', 'taken')
    await new Promise(resolve => setImmediate(resolve))
    t.equal(said.length, 1)
    t.match(said[0], /^millrace: the logger failed \(warn: .*\), which is told once; it did not take this: line 1$/)
    t.match(said[0], why)
    t.strictSame(uncaught, [])
  })
}

t.test('a logger has lines that are fit to be read', async t => {
  const lines: string[] = []
  const log = new LineLog({ warn: line => lines.push(`warn ${line}`), error: line => lines.push(`error ${line}`) })
  t.ok(log.isHeard)
  log.write('warn', 'a\nb')
  log.write('error', '\u202ex')
  t.strictSame(lines, ['warn a\\nb', 'error \\u202ex'])
  t.notOk(new LineLog(false).isHeard)
})
