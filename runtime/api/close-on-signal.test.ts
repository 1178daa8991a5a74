/** Processes that are told to end while their broker works. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { closeOnSignal } from '../index.ts'
import { openBroker } from '../proof/fixtures/broker.fixture.ts'
import { DOOR } from '../proof/fixtures/door.fixture.ts'

interface Ended {
  readonly code: number | null
  readonly said: string
  readonly told: string
}

/** Runs a program, which says `ready` when it is; `act` is called then. */
async function program(body: string, act: (child: ChildProcess, heard: () => string) => unknown): Promise<Ended> {
  const source = `
    import { createBroker, closeOnSignal } from ${JSON.stringify(DOOR)}
    const broker = await createBroker()
    const topic = await broker.topic('jobs')
    ${body}
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let told = ''
  let isReady = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (isReady || !said.includes('ready')) return
    isReady = true
    void act(child, () => said)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said, told }
}

const HANDLER = `
    let left = 0
    let begin
    const begun = new Promise(resolve => { begin = resolve })
    await topic.group('g').handle(async () => {
      left++
      begin()
      await new Promise(done => setTimeout(done, 400))
      console.log('handled', --left)
    })
    await topic.publish({ value: 1 })
    await begun
    setInterval(() => {}, 1000)`

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} stops what publishes, lets handlers finish, and ends with 0`, async t => {
    const { code, said, told } = await program(
      `closeOnSignal(broker, { before: async () => console.log('no more requests') })${HANDLER}`,
      child => child.kill(signal),
    )
    t.strictSame([code, told], [0, ''])
    t.match(said, /ready\nno more requests\nhandled 0\n$/)
  })
}

t.test('a second signal ends the process at once', async t => {
  const { code, said } = await program(
    `closeOnSignal(broker, { before: () => { console.log('begun'); return new Promise(() => {}) } })${HANDLER}`,
    async (child, heard) => {
      child.kill('SIGINT')
      while (!heard().includes('begun')) await new Promise(resolve => setTimeout(resolve, 5))
      child.kill('SIGTERM')
    },
  )
  t.equal(code, 143)
  t.match(said, /begun/)
})

t.test('what was not in good order is told, and the exit code is 1', async t => {
  const late = await program(
    `closeOnSignal(broker, { before: () => { throw new Error('no server') }, timeoutMs: 600 })
    await topic.group('g').handle(() => new Promise(() => {}))
    await topic.publish({ value: 1 })
    await new Promise(done => setTimeout(done, 50))`,
    child => child.kill('SIGTERM'),
  )
  t.equal(late.code, 1)
  t.match(late.told, /`before` failed: no server\n[\s\S]*`close` failed: .*group g did not stop/)
  const stuck = await program(
    `closeOnSignal(broker, { before: () => new Promise(() => {}), timeoutMs: 200 })
    setInterval(() => {}, 1000)`,
    child => child.kill('SIGTERM'),
  )
  t.equal(stuck.code, 1)
  t.match(stuck.told, /`before` failed: it took longer than 100 ms, and the broker is closed without it\n$/)
})

t.test('the listeners can be taken away, by name and by disposal', async t => {
  const broker = await openBroker(t)
  const listeners = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')
  const before = listeners()
  const stop = closeOnSignal(broker)
  t.equal(listeners(), before + 2)
  stop()
  t.equal(listeners(), before)
  closeOnSignal(broker)[Symbol.dispose]()
  t.equal(listeners(), before)
})

t.test('options are checked', async t => {
  const broker = await openBroker(t)
  t.throws(() => closeOnSignal(broker, { after: 1 } as object), { code: 'MILL_UNKNOWN_OPTION' })
  t.throws(() => closeOnSignal(broker, { before: 1 } as object), { code: 'MILL_INVALID_OPTION' })
  t.throws(() => closeOnSignal(broker, { timeoutMs: 0 }), { code: 'MILL_OUT_OF_RANGE' })
})
