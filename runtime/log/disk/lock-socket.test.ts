import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { LongPathError } from './lock-errors.ts'
import { addressOf, answersAt, listenAt, type SocketPlace } from './lock-socket.ts'

const TOKEN = 'b4b0c1d2'
const stopped = fileURLToPath(new URL('./fixtures/lock-listener.fixture.js', import.meta.url))

function place(t: { teardown(act: () => void): unknown }, ...below: string[]): SocketPlace {
  const root = mkdtempSync(join(tmpdir(), 'sock-'))
  const directory = join(root, ...below)
  mkdirSync(directory, { recursive: true })
  const folder = openSync(directory, 'r')
  t.teardown(() => {
    closeSync(folder)
    rmSync(root, { recursive: true, force: true })
  })
  return { directory, folder }
}

async function textFrom(client: Socket): Promise<string> {
  let text = ''
  client.on('data', bytes => {
    text += bytes
  })
  await once(client, 'close')
  return text
}

t.test('a socket answers while it is open, and greets whoever connects', async t => {
  const folder = place(t)
  t.equal(await answersAt(folder, 's'), false, 'there is none')
  const socket = await listenAt(folder, 's', TOKEN)
  t.equal(statSync(join(folder.directory, 's')).mode & 0o777, 0o600)
  t.equal(await answersAt(folder, 's'), true)
  const greeting = await textFrom(connect(join(folder.directory, 's')))
  t.strictSame(JSON.parse(greeting), { millrace: 1, pid: process.pid, token: TOKEN })
  t.ok(greeting.endsWith('\n'))
  socket?.close()
  t.equal(await answersAt(folder, 's'), false)
})

t.test('what is no socket, or one that nobody listens at, is dead', async t => {
  const folder = place(t)
  writeFileSync(join(folder.directory, 's'), 'x')
  t.equal(await answersAt(folder, 's'), false)
})

t.test('clients that stay silent are let go, however many', async t => {
  const folder = place(t)
  const socket = await listenAt(folder, 's', TOKEN)
  const clients = Array.from({ length: 60 }, () => connect(join(folder.directory, 's')))
  await Promise.all(
    clients.map(client => {
      client.on('error', () => undefined)
      return textFrom(client)
    }),
  )
  t.equal(await answersAt(folder, 's'), true)
  socket?.close()
})

t.test('a holder that is stopped lives, also when no more can wait for it', async t => {
  const folder = place(t)
  const child = fork(stopped, [folder.directory, 's'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  child.kill('SIGSTOP')
  const answers = new Set<boolean>()
  for (let each = 0; each < 200; each++) answers.add(await answersAt(folder, 's'))
  t.strictSame([...answers], [true])
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(existsSync(join(folder.directory, 's')))
  t.equal(await answersAt(folder, 's'), false)
})

t.test('an address that is too long is shortened, or refused', async t => {
  const folder = place(t, 'a'.repeat(100), 'b'.repeat(100))
  const { directory } = folder
  if (process.platform === 'linux') {
    t.equal(addressOf(folder, 's'), `/proc/self/fd/${folder.folder}/s`)
    const socket = await listenAt(folder, 's', TOKEN)
    t.ok(existsSync(join(directory, 's')))
    t.equal(await answersAt(folder, 's'), true)
    socket?.close()
    t.notOk(existsSync(join(directory, 's')))
  }
  t.throws(() => addressOf({ directory, folder: null }, 's'), LongPathError)
  // Too long with the path of any working folder, and just short enough without it.
  const name = 'c'.repeat(98)
  const near = join(process.cwd(), name)
  t.equal(addressOf({ directory: near, folder: null }, 'LOCK'), join(name, 'LOCK'), 'from the working folder')
})
