/** A control thread that was started ahead and has nothing to do leaves nothing behind. */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createBroker } from '../index.ts'
import { checkBrokerOptions } from '../options/broker-options.ts'
import { LaunchedControl } from './control-launch.ts'
import { Session } from './session.ts'

function modulesOpen(): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`)
      return /\.[cm]?js$/.test(file) ? [file] : []
    } catch {
      return []
    }
  })
}

t.test('it ends by itself, whenever it is told that there is no work, and no file of it stays open', async t => {
  const before = modulesOpen()
  for (const afterMs of [0, 30, 60]) {
    const launched = new LaunchedControl(2)
    await sleep(afterMs)
    await launched.abandon()
    t.equal(await launched.lost, 'ended with code 0')
    t.strictSame(modulesOpen(), before)
  }
})

t.test('a broker whose folder is held says so when its threads have ended', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-launch-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const broker = await createBroker({ dir, logger: false })
  let [started, ended] = [0, 0]
  const count = (worker: { once(event: 'exit', run: () => void): void }): void => {
    started++
    worker.once('exit', () => ended++)
  }
  process.on('worker', count)
  await t.rejects(createBroker({ dir, logger: false }), { code: 'MILL_LOCKED' })
  process.off('worker', count)
  t.strictSame([started, ended], [1, 1])
  await broker.close()
})

t.test('one that was over before it was told its work leaves no port open', async t => {
  const portsOpen = (): number => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
  const options = checkBrokerOptions({ logger: false })
  const launched = new LaunchedControl(options.partitionThreads)
  await launched.abandon()
  const before = portsOpen()
  await t.rejects(Session.open(options, {}, launched), { code: 'MILL_THREAD_LOST' })
  await sleep(0)
  t.equal(portsOpen(), before)
})
