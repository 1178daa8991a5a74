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

const begun = ['a 0 q.0 0 false', 'b 0:0 q.0 0 1 0'] as const
const acked = [...begun, 'e 0:0 ack'] as const

t.test('what is allowed', async t => {
  t.equal(problems(acked), '')
  t.equal(problems(acked, ['b 0:0 q.0 0 2 0', 'e 0:0 ack', 'c 0:0 ack 0']), '', 'an ack that was not confirmed')
  t.equal(problems(begun, ['b 0:0 q.0 0 2 0']), '')
  t.equal(problems(begun, [], ['b 0:0 q.0 0 3 0']), '', 'it was out in the life between, and not begun')
  t.equal(problems([...begun, 'e 0:0 release'], ['b 0:0 q.0 0 3 0']), '', 'it was out again, and not begun')
  t.equal(problems(['a 0 q.0 0 false'], [], ['b 0:0 q.0 0 3 0']), '')
  t.equal(problems([...begun, 'e 0:0 fail', 'b 0:0 q.0 0 2 1', 'e 0:0 ack']), '')
  t.equal(problems([...begun, 'e 0:0 fail'], ['b 0:0 q.0 0 2 0']), '', 'the failure was not kept')
})

t.test('what comes again', async t => {
  t.match(problems([...acked, 'c 0:0 ack 0'], ['b 0:0 q.0 0 2 0']), /came again in life 1 after its ack was confirmed/)
  t.match(problems([...begun, 'e 0:0 reject', 'c 0:0 reject 0'], ['b 0:0 q.0 0 2 0']), /after its reject was confirmed/)
  t.match(problems([...acked, 'b 0:0 q.0 0 2 0']), /came again in life 0, in which it was acked/)
  t.match(problems([...begun, 'b 0:0 q.0 0 2 0']), /two consumers in life 0/)
  t.match(problems(['b 0:32 q.0 0 1 0']), /never sent/)
  t.match(problems([...begun, 'b 0:1 q.0 0 1 0']), /q.0 is 0:1, and is 0:0/)
  t.match(problems([...begun, 'e 0:0 release', 'b 0:0 q.1 1 2 0']), /0:0 is q.1, and was q.0/)
  t.match(problems(['a 0 q.0 0 false', 'e 0:0 ack']), /was not begun/)
})

t.test('counts of hand-outs and failures', async t => {
  t.match(problems(begun, ['b 0:0 q.0 0 1 0']), /deliveryAttempt 1 in life 1, and should have 2$/, 'forgotten')
  t.match(problems(begun, ['b 0:0 q.0 0 3 0']), /deliveryAttempt 3 in life 1, and should have 2$/, 'counted twice')
  t.match(problems(begun, [], ['b 0:0 q.0 0 4 0']), /and should have 2 to 3$/)
  t.match(problems(['a 0 q.0 0 false'], ['b 0:0 q.0 0 3 0']), /and should have 1 to 2$/)
  t.match(problems([...begun, 'e 0:0 release', 'b 0:0 q.0 0 3 0']), /should have 2$/)
  const failed = [...begun, 'e 0:0 fail', 'b 0:0 q.0 0 2 1'] as const
  t.match(problems(failed, ['b 0:0 q.0 0 3 0']), /has 0 failures in life 1, and had 1/)
  t.match(
    problems([...begun, 'e 0:0 fail', 'c 0:0 fail 1'], ['b 0:0 q.0 0 2 0']),
    /has 0 failures in life 1, and had 1/,
  )
  t.match(problems(['a 0 q.0 0 false', 'b 0:0 q.0 0 1 1']), /for the 1th time after 1 failures/)
  t.match(problems([...failed, 'e 0:0 fail', 'b 0:0 q.0 0 3 2', 'e 0:0 fail', 'b 0:0 q.0 0 4 3']), /after 3 failures/)
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
  const rejected = ['a 7 q.7 7 false', 'b 0:7 q.7 7 1 0', 'e 0:7 reject', 'c 0:7 reject 0'] as const
  t.equal(verdict(acked, {}), '')
  t.equal(verdict(acked, { ready: 1, acked: 0 }), '', 'it was not kept')
  t.equal(verdict(rejected, { acked: 0, deadLettered: 1 }, [letter]), '')
  t.match(verdict(acked, { ready: 1 }), /the sum rule is broken/)
  t.match(verdict(acked, { accepted: 0, acked: 0 }), /accepted is 0, and should be 1 to 32/)
  t.match(verdict(['a 0 q.0 0 false'], {}), /acked is 1, and should be 0 to 0/)
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
  t.equal(verdict([['a 0 q.0 0 false'], [], [], [], []], {}), '')
  t.equal(verdict([[]], { key: '0:3', reason: 'failed', failedAttempts: 3 }), '')
  t.match(verdict([['a 0 q.0 0 false'], []], {}), /0:0 has a dead letter as crashed after 1 deaths/)
  t.match(verdict([[]], { reason: 'failed' }), /0:0 \(ack\) has a dead letter after 2 failures/)
  t.match(verdict([[]], { key: '0:3', reason: 'failed' }), /0:3 \(fail\) has a dead letter after 2 failures/)
  t.match(verdict([[]], { reason: 'rejected' }), /0:0 \(ack\) has a dead letter: rejected/)
  t.match(verdict([[]], { reason: 'timeout' }), /has a dead letter: timeout/)
  t.match(verdict([[...acked, 'c 0:0 ack 0']], {}), /its ack was confirmed/)
})

t.test('keys', async t => {
  // 1 and 140 have one key, as 4 has another; 73 has that of 4, and is delayed.
  const lives = (...lines: readonly (readonly string[])[]): string => {
    const oracle = new QueueKillOracle()
    for (const [life, each] of lines.entries()) for (const line of ['s 200', ...each]) oracle.hear(life, line)
    return oracle.problems.join()
  }
  const [first, second] = ['b 0:1 q.1 1 1 0', 'b 0:140 q.140 140 1 0']
  const ended = [first, 'e 0:1 ack'] as const
  t.equal(lives([...ended, second]), '')
  t.equal(lives([first, 'b 0:4 job-0 4 1 0']), '', 'two keys')
  t.equal(lives([first], [second]), '', 'the other one may have been acked or dead-lettered')
  t.match(lives([first, second]), /0:140 was begun in life 0, and 0:1 had its key/)
  t.match(lives([first, 'e 0:1 fail', second]), /0:1 had its key/, 'it waits for its retry')
  t.equal(lives([first, 'e 0:1 fail', 'x q.1', second]), '', 'it may have been taken back')
  t.equal(lives([first, 'x q.1', 'e 0:1 fail', second]), '')
  t.equal(lives([first, 'e 0:1 fail', 'p', second]), '')
  t.equal(lives([first, 'p', 'e 0:1 fail', second]), '')
  t.match(lives([first, 'x q.1', second]), /0:1 had its key/, 'it had begun')
  t.match(lives([first, 'e 0:1 release', second, 'e 0:140 ack', 'b 0:1 q.1 1 2 0']), /0:1 .* came after 140 of its key/)
  const confirmed = [...ended, second, 'e 0:140 ack', 'c 0:140 ack 0'] as const
  t.match(lives(confirmed, ['b 0:1 q.1 1 2 0']), /0:1 .* came after 140 of its key had ended for good/)
  t.equal(lives(['b 0:73 q.73 73 1 0', 'e 0:73 ack', 'b 0:4 job-0 4 1 0']), '', 'a delayed one has no place')
})

t.test('ids', async t => {
  // 4, 5 and 10 are sent with one id.
  const begin = 'b 0:4 job-0 2 1 0'
  t.equal(problems(['a 4 job-0 2 false', 'a 5 job-0 2 true', begin]), '')
  t.match(problems(['a 4 job-0 2 false', 'a 5 job-0 3 false']), /job-0 is 0:5, and is 0:4.*job-0 is at 3, and was at 2/)
  t.match(problems(['a 5 job-0 2 true'], ['b 0:4 job-0 3 2 0']), /job-0 is at 3, and was at 2/)
  t.match(problems(['a 5 job-0 2 true'], ['b 0:5 job-0 2 2 0']), /0:5 is there, and was refused/)
  t.match(problems(['a 4 job-0 2 false', 'a 4 job-0 2 true']), /0:4 was refused as a duplicate of itself/)
  t.match(problems(['a 4 job-9 2 false']), /0:4 is job-9, and was sent as job-0/)
  t.equal(problems([begin], ['b 0:10 job-0 1 2 0']), '', 'no receipt tells of the first one')
})

t.test('what was taken back', async t => {
  const taken = ['a 0 q.0 0 false', 'x q.0', 'y q.0 true'] as const
  t.equal(problems([...begun, 'x q.0', 'y q.0 false', 'e 0:0 release', 'b 0:0 q.0 0 2 0']), '')
  t.equal(problems([...begun, 'e 0:0 release', 'x q.0', 'y q.0 true']), '')
  t.match(problems([...taken, 'b 0:0 q.0 0 1 0']), /0:0 was begun in life 0, and taken back in life 0/)
  t.match(problems(taken, ['b 0:0 q.0 0 2 0']), /0:0 was begun in life 1, and taken back in life 0/)
  t.match(problems([...begun, 'x q.0', 'y q.0 true']), /0:0 was taken back in life 0, and had begun/)
  t.match(problems(taken, ['x q.0', 'y q.0 true']), /q.0 was taken back in life 1, and in life 0/)
  const verdict = (lines: readonly string[], stats: Partial<QueueStats>, letters: KilledLetter[] = []): string => {
    const oracle = heard(lines)
    oracle.judgeStats({ ...counts, acked: 0, ...stats }, letters)
    return oracle.problems.join()
  }
  t.equal(verdict(taken, { cancelled: 1 }), '')
  t.match(verdict(taken, { ready: 1 }), /cancelled is 0, and should be 1 to 1/)
  t.match(verdict(['a 0 q.0 0 false'], { cancelled: 1 }), /cancelled is 1, and should be 0 to 0/)
  t.match(verdict(['a 0 q.0 0 false'], { purged: 1 }), /purged is 1, and should be 0 to 0/)
  t.match(verdict(['a 0 q.0 0 false', 'p', 'q 1'], { ready: 1 }), /purged is 0, and should be 1 to 1/)
  t.match(verdict(['a 5 job-0 2 true'], { ready: 1, duplicates: 32 }), /duplicates is 32, and should be 0 to 31/)
  const letter = { key: '0:0', reason: 'crashed', failedAttempts: 2 }
  t.match(verdict(taken, { deadLettered: 1 }, [letter]), /0:0 has a dead letter, and was taken back/)
})

t.test('what is untimely', async t => {
  t.match(problems(['t 0:4 -100', 'b 0:4 job-0 4 1 0']), /0:4 came 100 ms before it was due/)
  t.match(problems(['t 0:2 100', 'b 0:2 q.2 2 1 0']), /0:2 came 100 ms after its time was over/)
})

t.test('what is lost', async t => {
  const verdict = (lines: readonly string[], stats: Partial<QueueStats> = {}, letters: KilledLetter[] = []): string => {
    const oracle = heard(lines)
    oracle.judgeEnd({ ...counts, ...stats }, letters)
    return oracle.problems.join()
  }
  t.equal(verdict(acked), '')
  t.equal(verdict(['a 7 q.7 7 false'], {}, [{ key: '0:7', reason: 'rejected', failedAttempts: 0 }]), '')
  t.equal(verdict(['b 0:0 q.0 0 1 0']), '', 'no receipt tells of it')
  t.match(verdict(begun), /0:0 is lost/)
  t.match(verdict(acked, { ready: 1, retrying: 1 }), /2 messages are left/)
  t.match(verdict(['a 5 job-0 2 true']), /1 messages are lost, of which 0 were purged/, 'what another sender has sent')
  t.equal(verdict(['a 5 job-0 2 true'], {}, [{ key: '0:4', reason: 'crashed', failedAttempts: 2 }]), '')
  t.equal(verdict(['a 0 q.0 0 false', 'x q.0']), '', 'it may have been taken back')
  t.equal(verdict(['a 0 q.0 0 false', 'p'], { purged: 1 }), '')
  t.match(verdict(['a 0 q.0 0 false', 'p']), /1 messages are lost, of which 0 were purged/)
  t.match(verdict(['p', 's 64', 'a 33 q.33 33 false'], { purged: 1 }), /0:33 is lost/)
})
