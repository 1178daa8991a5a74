import { Writable } from 'node:stream'
import t from 'tap'
import { LineSink } from './line-sink.ts'

t.test('writes all lines, in order, in few blocks', async t => {
  const blocks: string[] = []
  const sink = new LineSink(
    new Writable({
      write(chunk, _encoding, done) {
        blocks.push(String(chunk))
        done()
      },
    }),
    'out',
  )
  for (let i = 0; i < 1_000; i++) sink.write(Buffer.from(`${i}`))
  await sink.end()
  t.equal(blocks.join(''), Array.from({ length: 1_000 }, (_, i) => `${i}\n`).join(''))
  t.equal(blocks.length, 1)
  t.equal(sink.lines, 1_000)
})

t.test('says when there is no room, and when there is again', async t => {
  let proceed = () => {}
  const sink = new LineSink(
    new Writable({
      highWaterMark: 10,
      write(_chunk, _encoding, done) {
        proceed = done
      },
    }),
    'out',
  )
  const waiting = sink.write(Buffer.alloc(100_000, 0x61))
  t.ok(waiting instanceof Promise)
  proceed()
  await waiting
  t.equal(sink.write(Buffer.from('x')), undefined)
  setImmediate(() => setImmediate(() => proceed()))
  await sink.end()
})

t.test('a stream that fails rejects, and sets waiting writers free', async t => {
  const sink = new LineSink(
    new Writable({
      highWaterMark: 10,
      write(_chunk, _encoding, done) {
        setImmediate(() => done(Object.assign(new Error('gone'), { code: 'EPIPE' })))
      },
    }),
    'out',
  )
  await sink.write(Buffer.alloc(100_000))
  await t.rejects(sink.failed, { code: 'EPIPE' })
  t.equal(sink.write(Buffer.from('dropped')), undefined)
})
