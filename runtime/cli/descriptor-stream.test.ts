import type { write } from 'node:fs'
import t from 'tap'
import { DescriptorStream } from './descriptor-stream.ts'

type Written = (error: NodeJS.ErrnoException | null, bytes: number) => void

/** A descriptor that answers as it is told: how many bytes it takes, or why none. */
function answering(answers: (number | string)[], taken: string[]): typeof write {
  const writeTo = (
    _descriptor: number,
    bytes: Buffer,
    from: number,
    length: number,
    _at: null,
    done: Written,
  ): void => {
    const answer = answers.shift() ?? length
    if (typeof answer === 'string') {
      done(Object.assign(new Error(answer), { code: answer }), 0)
      return
    }
    taken.push(bytes.subarray(from, from + answer).toString())
    done(null, answer)
  }
  return writeTo as unknown as typeof write
}

t.test('what finds no room is written again when there is some, each byte once', async t => {
  const taken: string[] = []
  const stream = new DescriptorStream(1, answering([2, ...Array<string>(9).fill('EAGAIN'), 1, 0, 'EAGAIN'], taken))
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.write('hello')
    stream.end(' world', resolve)
  })
  t.strictSame(taken, ['he', 'l', '', 'lo', ' world'])
})

t.test('a descriptor that fails is an error of the stream', async t => {
  const stream = new DescriptorStream(1, answering(['EPIPE'], []))
  const error = await new Promise<Error>(resolve => {
    stream.once('error', resolve)
    stream.write('x')
  })
  t.match(error, { code: 'EPIPE' })
})
