/**
 * The file that a host's Piscina pool loads: loads the boot module, and hands it the task.
 *
 * Runs on the host thread. It is CommonJS, because Piscina requires its file, and Node aborts the whole process when a
 * thread is ended in the middle of a `require` of an ES module. Everything else is imported, which may be cut short at
 * any moment.
 */

import type { BootTask } from './boot.ts' with { 'resolution-mode': 'import' }
import type { Outcome } from './exit-reason.ts' with { 'resolution-mode': 'import' }

const boot = import('./boot.ts')
// Said when the task comes: a rejection that nobody heard of would end the thread.
boot.catch(() => undefined)

module.exports = async (task: BootTask): Promise<Outcome> => (await boot).default(task)
