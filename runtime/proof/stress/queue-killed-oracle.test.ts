/** The judge of killed queues finds each kind of fault in what it heard, and none in what is right. */
import t from 'tap'
import type { QueueStats } from '../../words/queue-stats.ts'
import { type KilledLetter, QueueKillOracle } from './queue-killed-oracle.fixture.ts'

/** By life: the lines of it. Message 0 is acked, 3 fails for ever, 7 is rejected. */
function heard(...lives: readonly (readonly string[])[]): QueueKillOracle {
  const oracle = new QueueKillOracle()
  for (const [life, lines] of lives.entries()) for (const line of ['s 32', ...lines]) oracle.hear(life, line)
  return oracle
}

function problems(...lives: readonly (readonly string[])[]): string {
  return heard(...lives).problems.join()
}

const counts: QueueStats = {
  queue: 'jobs',
  accepted: 1,
  ready: 0,
  readyByPriority: [0],
  unacked: 0,
  retrying: 0,
  scheduled: 0,
  acked: 1,
  deadLettered: 0,
  expired: 0,
  dropped: 0,
  purged: 0,
  duplicates: 0,
  forgottenIds: 0,
  cancelled: 0,
  bytes: 0,
  consumers: 0,
  deadLetterDepth: 0,
  waitsForDeadLetters: false,
  failures: 0,
  restarts: 0,
}

const begun = ['a 0:0 q.0', 'b 0:0 q.0 1 0'] as const
const acked = [...begun, 'e 0:0 ack'] as const

t.test('what is allowed', async t => {
  t.equal(problems(acked), '')
  t.equal(problems(acked, ['b 0:0 q.0 2 0', 'e 0:0 ack', 'c 0:0 ack 0']), '', 'an ack that nobody has confirmed')
  t.equal(problems(begun, ['b 0:0 q.0 2 0']), '')
  t.equal(problems(begun, [], ['b 0:0 q.0 3 0']), '', 'it was out in the life between, and not begun')
  t.equal(problems([...begun, 'e 0:0 release'], ['b 0:0 q.0 3 0']), '', 'it was out again, and not begun')
  t.equal(problems(['a 0:0 q.0'], [], ['b 0:0 q.0 3 0']), '')
  t.equal(problems([...begun, 'e 0:0 fail', 'b 0:0 q.0 2 1', 'e 0:0 ack']), '')
  t.equal(problems([...begun, 'e 0:0 fail'], ['b 0:0 q.0 2 0']), '', 'the failure was not kept')
})

t.test('what comes again', async t => {
  t.match(problems([...acked, 'c 0:0 ack 0'], ['b 0:0 q.0 2 0']), /came again in life 1 after its ack was confirmed/)
  t.match(problems([...begun, 'e 0:0 reject', 'c 0:0 reject 0'], ['b 0:0 q.0 2 0']), /after its reject was confirmed/)
  t.match(problems([...acked, 'b 0:0 q.0 2 0']), /came again in life 0, in which it was acked/)
  t.match(problems([...begun, 'b 0:0 q.0 2 0']), /two consumers in life 0/)
  t.match(problems(['b 0:32 q.0 1 0']), /never sent/)
  t.match(problems([...begun, 'b 0:1 q.0 1 0']), /q.0 is 0:1, and is 0:0/)
  t.match(problems([...begun, 'e 0:0 release', 'b 0:0 q.1 2 0']), /0:0 is q.1, and was q.0/)
  t.match(problems(['a 0:0 q.0', 'e 0:0 ack']), /was not begun/)
})

t.test('counts of hand-outs and failures', async t => {
  t.match(problems(begun, ['b 0:0 q.0 1 0']), /deliveryAttempt 1 in life 1, and should have 2$/, 'forgotten')
  t.match(problems(begun, ['b 0:0 q.0 3 0']), /deliveryAttempt 3 in life 1, and should have 2$/, 'counted twice')
  t.match(problems(begun, [], ['b 0:0 q.0 4 0']), /and should have 2 to 3$/)
  t.match(problems(['a 0:0 q.0'], ['b 0:0 q.0 3 0']), /and should have 1 to 2$/)
  t.match(problems([...begun, 'e 0:0 release', 'b 0:0 q.0 3 0']), /should have 2$/)
  const failed = [...begun, 'e 0:0 fail', 'b 0:0 q.0 2 1'] as const
  t.match(problems(failed, ['b 0:0 q.0 3 0']), /has 0 failures in life 1, and had 1/)
  t.match(problems([...begun, 'e 0:0 fail', 'c 0:0 fail 1'], ['b 0:0 q.0 2 0']), /has 0 failures in life 1, and had 1/)
  t.match(problems(['a 0:0 q.0', 'b 0:0 q.0 1 1']), /for the 1th time after 1 failures/)
  t.match(problems([...failed, 'e 0:0 fail', 'b 0:0 q.0 3 2', 'e 0:0 fail', 'b 0:0 q.0 4 3']), /after 3 failures/)
})

t.test('places', async t => {
  const order = (...places: readonly (readonly [priority: number, offset: number])[]): string => {
    const oracle = heard()
    oracle.judgeOrder(places.map(([priority, offset]) => ({ key: `0:${offset}`, priority, offset })))
    return oracle.problems.join()
  }
  t.equal(order([2, 5], [2, 9], [1, 0], [0, 3]), '')
  t.match(order([2, 9], [2, 5]), /0:5 .* came after 0:9/)
  t.match(order([1, 0], [2, 5]), /0:5 .* came after 0:0/)
  t.match(order([1, 0], [1, 0]), /0:0 .* came after 0:0/)
})

t.test('counters', async t => {
  const verdict = (lines: readonly string[], stats: Partial<QueueStats>, letters: KilledLetter[] = []): string => {
    const oracle = heard(lines)
    oracle.judgeStats({ ...counts, ...stats }, letters)
    return oracle.problems.join()
  }
  const letter = { key: '0:7', reason: 'rejected', failedAttempts: 0 }
  const rejected = ['a 0:7 q.7', 'b 0:7 q.7 1 0', 'e 0:7 reject', 'c 0:7 reject 0'] as const
  t.equal(verdict(acked, {}), '')
  t.equal(verdict(acked, { ready: 1, acked: 0 }), '', 'it was not kept')
  t.equal(verdict(rejected, { acked: 0, deadLettered: 1 }, [letter]), '')
  t.match(verdict(acked, { ready: 1 }), /the sum rule is broken/)
  t.match(verdict(acked, { accepted: 0, acked: 0 }), /accepted is 0, and should be 1 to 32/)
  t.match(verdict(['a 0:0 q.0'], {}), /acked is 1, and should be 0 to 0/)
  t.match(verdict([...acked, 'c 0:0 ack 0'], { ready: 1, acked: 0 }), /acked is 0, and should be 1 to 1/)
  t.match(verdict(rejected, { acked: 0, deadLettered: 1 }), /deadLettered is 1, and should be 0 to 0/)
  t.match(verdict(rejected, { acked: 0, ready: 1 }), /rejection of 0:7 was confirmed, and it has no dead letter/)
  t.match(verdict(rejected, { acked: 0, accepted: 2, deadLettered: 2 }, [letter, letter]), /two dead letters/)
})

t.test('letters', async t => {
  const verdict = (lives: readonly (readonly string[])[], letter: Partial<KilledLetter>): string => {
    const oracle = heard(...lives)
    oracle.judgeStats({ ...counts, accepted: 32, acked: 0, ready: 31, deadLettered: 1 }, [
      { key: '0:0', reason: 'crashed', failedAttempts: 2, ...letter },
    ])
    return oracle.problems.join()
  }
  t.equal(verdict([['a 0:0 q.0'], [], [], [], []], {}), '')
  t.equal(verdict([[]], { key: '0:3', reason: 'failed', failedAttempts: 3 }), '')
  t.match(verdict([['a 0:0 q.0'], []], {}), /0:0 has a dead letter as crashed after 1 deaths/)
  t.match(verdict([[]], { reason: 'failed' }), /0:0 \(ack\) has a dead letter after 2 failures/)
  t.match(verdict([[]], { key: '0:3', reason: 'failed' }), /0:3 \(fail\) has a dead letter after 2 failures/)
  t.match(verdict([[]], { reason: 'rejected' }), /0:0 \(ack\) has a dead letter: rejected/)
  t.match(verdict([[]], { reason: 'timeout' }), /has a dead letter: timeout/)
  t.match(verdict([[...acked, 'c 0:0 ack 0']], {}), /its ack was confirmed/)
})

t.test('what is lost', async t => {
  const verdict = (lines: readonly string[], stats: Partial<QueueStats> = {}, letters: KilledLetter[] = []): string => {
    const oracle = heard(lines)
    oracle.judgeEnd({ ...counts, ...stats }, letters)
    return oracle.problems.join()
  }
  t.equal(verdict(acked), '')
  t.equal(verdict(['a 0:7 q.7'], {}, [{ key: '0:7', reason: 'rejected', failedAttempts: 0 }]), '')
  t.equal(verdict(['b 0:0 q.0 1 0']), '', 'nobody has a receipt')
  t.match(verdict(begun), /0:0 is lost/)
  t.match(verdict(acked, { ready: 1, retrying: 1 }), /2 messages are left/)
})

t.test('ids', async t => {
  t.equal(problems(['a 0:0 q@0', 'd 0:0 q@0'], ['d 0:0 q@0', 'b 0:0 q@0 1 0']), '', 'sent again')
  t.equal(problems(['d 0:0 q@0']), '', 'the receipt of the first one went with its process')
  t.match(problems(['a 0:0 q@0'], ['a 0:0 q@9']), /0:0 is q@9, and was q@0,0:0 was taken twice/)
  t.match(problems(['a 0:0 q@0'], ['d 0:0 q@9']), /0:0 is q@9, and was q@0/)
  t.match(problems(['a 0:0 q@0', 'b 0:0 q@9 1 0']), /0:0 is q@9, and was q@0/)
  t.match(problems(['a 0:0 q@0', 'w 0:0 came 9 ms before it was due']), /0:0 came 9 ms before it was due/)
})

// 0:6 and 0:90 have one key, and neither a delay nor a time to live.
t.test('keys', async t => {
  const sent = ['s 200', 'a 0:6 q@6', 'a 0:90 q@90'] as const
  const [first, second] = ['b 0:6 q@6 1 0', 'b 0:90 q@90 1 0'] as const
  t.equal(problems([...sent, first, 'e 0:6 ack', second, 'e 0:90 ack']), '')
  t.equal(problems([...sent, first, 'e 0:6 release', 'b 0:6 q@6 2 0']), '', 'it came back')
  t.equal(problems([...sent, first], ['b 0:6 q@6 2 0']), '', 'its process died')
  t.match(problems([...sent, first, second]), /0:90 began in life 0, while 0:6 of key-1 was out/)
  t.match(problems([...sent, second, 'e 0:90 ack', first]), /0:6 \(offset 6\) of key-1 came after 0:90 \(offset 90\)/)
  t.match(problems([...sent, second], ['b 0:6 q@6 1 0']), /came after 0:90/, 'in the next life')
})

t.test('what was taken back', async t => {
  const cancelled = ['a 0:5 q@5', 'x 0:5', 'y 0:5 cancelled'] as const
  const stats = (lines: readonly string[], of: Partial<QueueStats>, letters: KilledLetter[] = []): string => {
    const oracle = heard(lines)
    oracle.judgeStats({ ...counts, acked: 0, ...of }, letters)
    return oracle.problems.join()
  }
  t.equal(stats(cancelled, { cancelled: 1 }), '')
  t.equal(stats(['a 0:5 q@5', 'x 0:5'], { ready: 1 }), '', 'its process died before the answer')
  t.match(stats(cancelled, { ready: 1 }), /cancelled is 0, and should be 1 to 1/)
  t.match(stats(['a 0:5 q@5'], { cancelled: 1 }), /cancelled is 1, and should be 0 to 0/)
  const letter = { key: '0:5', reason: 'rejected', failedAttempts: 0 }
  t.match(stats(cancelled, { accepted: 2, cancelled: 1, deadLettered: 1 }, [letter]), /dead letter, and was cancelled/)
  t.match(problems([...cancelled], ['b 0:5 q@5 1 0']), /0:5 came in life 1 after it was cancelled/)
  t.match(problems(['a 0:5 q@5', 'x 0:5', 'y 0:5 unknown']), /has a receipt, and is unknown to cancel/)
  const purged = heard(['a 0:5 q@5', 'a 0:8 q@8'])
  purged.purged(1)
  purged.judgeEnd({ ...counts }, [])
  t.strictSame(purged.problems, [], 'what is purged is not lost')
  purged.hear(2, 'b 0:8 q@8 1 0')
  t.strictSame(purged.problems, [], 'it had a delay, and was not due')
  purged.hear(2, 'b 0:5 q@5 1 0')
  t.match(purged.problems.join(), /0:5 came in life 2 after it was purged/)
})

t.test('what was updated', async t => {
  const after = (ms: number): string => `${Date.now() + ms}`
  const put = (answer: string): readonly string[] => ['a 0:5 q@5', 'u 0:5', `v 0:5 ${answer}`]
  const begins = ['b 0:5 q@5 1 0'] as const
  t.match(problems(put(`updated -1 ${after(90_000)}`), begins), /0:5 came in life 1, \d+ ms before the time to which/)
  t.equal(problems(put(`unacked -1 ${after(90_000)}`), begins), '', 'it was not')
  t.equal(problems(put(`updated -1 ${after(-9)}`), begins), '')
  t.match(problems(put('unknown 1 -1')), /is unknown to update/)
  const order = (lines: readonly string[]): string => {
    const oracle = heard(lines)
    oracle.judgeOrder([5, 2].map(offset => ({ key: `0:${offset}`, priority: 1, offset })))
    return oracle.problems.join()
  }
  t.match(order(['a 0:5 q@5', 'a 0:2 q@2']), /0:2 .* came after 0:5/)
  t.equal(order([...put('updated 2 -1'), 'a 0:2 q@2']), '', 'it goes first now')
  t.match(order([...put('updated 0 -1'), 'a 0:2 q@2']), /0:2 .* came after 0:5 .priority 0/)
  t.equal(order(put('updated 0 -1').slice(0, 2)), '', 'nobody knows')
})
