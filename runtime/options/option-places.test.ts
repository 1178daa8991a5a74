import t from 'tap'
import { checkConsumeOptions, checkHandleOptions, checkRunOptions } from './group-options.ts'
import { PLACES } from './option-places.ts'
import { checkPublishOptions } from './publish-options.ts'
import { checkQueueConsumeOptions, checkQueueHandleOptions, checkQueueOptions } from './queue-options.ts'
import { checkTopicOptions } from './topic-options.ts'

/** The sentence with which the check refuses the option; undefined: it knows its name. */
function refusal(check: (options: unknown) => unknown, name: string): string | undefined {
  try {
    check({ [name]: Symbol('of no type') })
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return code === 'MILL_UNKNOWN_OPTION' ? message : undefined
  }
  return undefined
}

t.test('the places are those of the tables', async t => {
  const tables = {
    call: checkPublishOptions,
    topic: checkTopicOptions,
    queue: checkQueueOptions,
    group: checkConsumeOptions,
    consumer: checkQueueConsumeOptions,
    handle: checkHandleOptions,
    run: checkRunOptions,
  } as const
  for (const [place, check] of Object.entries(tables)) {
    for (const name of PLACES[place as keyof typeof tables].names)
      t.equal(refusal(check as (options: unknown) => unknown, name), undefined, `${place} ${name}`)
  }
})

t.test('an option in the wrong place, or by a name of another library, is told where it belongs', async t => {
  const rows: readonly [(options: never) => unknown, string, RegExp][] = [
    [checkPublishOptions, 'priority', /`priority` is a field of the message: give it there, \{ value, priority \}$/],
    [checkQueueHandleOptions, 'attempts', /give it to broker\.queue\(name, \{ attempts \}\)$/],
    [checkQueueHandleOptions, 'threads', /`threads` is an option of run, which handles on worker threads$/],
    [checkQueueOptions, 'prefetch', /a queue's consumers: give it to queue\.run, handle or consume$/],
    [checkQueueOptions, 'concurrency', /an option of run and handle/],
    [checkQueueOptions, 'maxLength', /it is called `maxMessages` here$/],
    [checkTopicOptions, 'attempts', /of topic\.group\(name\)$/],
    [checkTopicOptions, 'numPartitions', /did you mean `partitions`\?$/],
    [checkHandleOptions, 'retries', /it is called `attempts` here$/],
    [checkHandleOptions, 'workers', /`threads` is an option of run/],
    [checkHandleOptions, '__proto__x', /known are `attempts`/],
    [checkHandleOptions, 'constructor', /known are `attempts`/],
  ]
  for (const [check, name, said] of rows) t.match(refusal(check as never, name), said, name)
})
