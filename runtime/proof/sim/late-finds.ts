/**
 * Nothing that can go on waits for the look. Partition hosts and attached threads look at everything every five seconds, for
 * what may have gone wrong elsewhere; in a simulation such a look finds nothing. What is judged (rule L1):
 *
 *   * a host or a thread that was rung by nobody has nothing to do but what is due, when its sleep is over;
 *   * a resident that is woken while its host sleeps has it rung;
 *   * a host that goes to sleep and wants to be told of commits has seen those of which it was not told;
 *   * a resident or a reader that rests has nothing to do when it is looked at, and nobody has woken it;
 *   * when a host goes to sleep nothing is due before it wakes, and no reader is ready for long while its thread sleeps.
 *
 * The simulated threads, on one stack; the classes that ship, of which nothing is changed. A thread that has ended may have
 * done so before it said what it had done: nothing is judged for EXCUSED_MS after that, in which its end becomes known.
 */
import { watchHosts } from './late-hosts.ts'
import { Judge, type LookedAt, type SleepWatch } from './late-judge.ts'
import { watchThreads } from './late-readers.ts'

/** Looks on from now on. */
export function watchLooks(here: () => LookedAt | null): SleepWatch {
  const judge = new Judge(here)
  const hosts = watchHosts(judge)
  const threads = watchThreads(judge)
  return {
    begin: (thread, address) => {
      if (thread.kind === 'partition') hosts.begin(thread, address)
      else threads.begin(thread, address)
    },
    rung: hosts.rung,
    forget: () => {
      hosts.forget()
      threads.forget()
    },
  }
}
