/** Claims in every order of the sender's and the receiver's accesses, and of their deaths. */
import t from 'tap'
import { type ClaimPlan, claimScene } from './fixtures/claim-roles.ts'
import { holds } from './fixtures/explored.ts'
import { explore } from './fixtures/explorer.ts'

const one: ClaimPlan = { entries: 1, deeds: ['ack'] }
/** Sent as a run. */
const run: ClaimPlan = { entries: 4, deeds: ['ack', 'ack'], together: true, run: true }
const two: ClaimPlan = { entries: 2, deeds: ['ack', 'ack'] }
/** Sent together, and the second is taken back unless it has begun. */
const recalled: ClaimPlan = { ...two, together: true, recalls: [2] }
/** The first is taken back although it has begun. Its entry is used again before it is acked. */
const revoked: ClaimPlan = { entries: 1, deeds: ['late', 'release'], revokes: [1] }

t.test('each message is with one of both at any moment, and what the receiver ends is found', async t => {
  holds(t, 'one entry, used twice', claimScene({ ...one, deeds: ['ack', 'release'] }))
  holds(t, 'two that end in the wrong order', claimScene({ ...two, deeds: ['late', 'report'], together: true }))
  holds(t, 'told of at once, where tags begin again', claimScene({ ...two, tellsEach: true, tag: 0x1fffffff }), 'large')
  holds(t, 'four', claimScene({ entries: 4, deeds: ['ack', 'late', 'release', 'ack'] }), 'large')
})

t.test('what is recalled is never begun, and what has begun is never recalled', async t => {
  holds(t, 'one', claimScene({ ...one, recalls: [1] }))
  holds(t, 'the second', claimScene(recalled))
  holds(t, 'both', claimScene({ ...recalled, recalls: [2, 1], deeds: ['release', 'report'] }), 'large')
  const middle: ClaimPlan = { entries: 4, deeds: ['ack', 'ack', 'ack'], recalls: [2], together: true }
  holds(t, 'one in the middle', claimScene(middle), 'large')
})

t.test('what is taken back although it has begun cannot be ended any more', async t => {
  holds(t, 'its entry is used again, and that is recalled', claimScene({ ...revoked, recalls: [2] }))
  holds(t, 'it is acked meanwhile', claimScene({ ...revoked, deeds: ['slow', 'release'] }))
  holds(t, 'it is never ended', claimScene({ ...revoked, deeds: ['leave', 'ack'] }), 'large')
})

t.test('a receiver that dies anywhere leaves what it ended, and is charged with what it had begun', async t => {
  const receiverDies = true
  holds(t, 'one is recalled', claimScene({ ...one, recalls: [1] }, { receiverDies }))
  holds(t, 'the second is recalled', claimScene(recalled, { receiverDies }), 'large')
  holds(t, 'one was taken back', claimScene(revoked, { receiverDies }), 'large')
})

t.test('a successor of a sender that died anywhere knows who has what', async t => {
  const senderDies = true
  holds(t, 'one is recalled', claimScene({ ...one, recalls: [1] }, { senderDies }))
  holds(t, 'one entry, used twice', claimScene({ ...one, deeds: ['release', 'ack'] }, { senderDies }), 'large')
  holds(t, 'the second is recalled', claimScene(recalled, { senderDies }), 'large')
  holds(t, 'one was taken back', claimScene(revoked, { senderDies }), 'large')
})

t.test('a run is on the table before it is seen, and its messages end and are taken back one by one', async t => {
  holds(t, 'two, both acked', claimScene(run))
  holds(t, 'the second is recalled', claimScene({ ...run, recalls: [2] }), 'large')
  holds(t, 'the last ends first', claimScene({ ...run, deeds: ['late', 'ack', 'release'], tellsEach: true }), 'large')
  holds(t, 'its sender dies anywhere', claimScene(run, { senderDies: true }))
  holds(t, 'its receiver dies anywhere', claimScene(run, { receiverDies: true }))
})

t.test('both may die', async t => {
  const fate = { senderDies: true, receiverDies: true }
  holds(t, 'one', claimScene(one, fate), 'large')
  holds(t, 'one is recalled', claimScene({ ...one, recalls: [1] }, fate), 'large')
})

t.test('among these orders are all: a message that is acked, not begun, and charged', async t => {
  const { outcomes } = explore(claimScene(one, { receiverDies: true }))
  const ends = outcomes.map(outcome => outcome.split(' | ')[0]?.split(' ').at(-1))
  // What the sender tells last, times 16, and the message.
  t.strictSame([...new Set(ends)].sort(), ['113', '49', '97'])
})
