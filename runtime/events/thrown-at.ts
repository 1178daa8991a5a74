/**
 * Where an error was thrown, as far as that is the caller's code: what a line of the logger says of a stack.
 *
 * Pure; the thread that created the broker. The stack may be of another thread, and of a package that lies elsewhere.
 */

/** Frames of an error's stack in a line. */
const FRAMES_MAX = 3
/** From these on a stack is ours, where it was not loaded from a bundle: they call what users hand in, or what another thread asks for. */
const CALLERS = /\b(delivery\/(load-handler|executor|lane-executor|attempt)|actors\/control-port)\.[jt]s:/
/** Where our own files are, and what one is called below it. In a bundle, of which whole.ts tells, there is no such place. */
const OUR_ROOT = String(import.meta.url).replace(/runtime\/events\/thrown-at\.[jt]s$/, '')
const OUR_FILE = /^(?:[\w-]+\/)*[\w-]+(?:\.bundle)?\.[jt]s:/
/** Of Node, and of the packages that carry our calls. */
const CARRIERS = /[ (]node:|\/node_modules\/(?:comlink|piscina)\//

/** Where an error was thrown, on one line. */
export function thrownAt(stack: string | null): string {
  const frames = (stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  const callers = frames.findIndex(frame => CALLERS.test(frame))
  return frames
    .slice(0, callers === -1 ? frames.length : callers)
    .filter(isTheirs)
    .slice(0, FRAMES_MAX)
    .map(frame => ` ${frame.trim()}`)
    .join('')
}

/** Whether a frame is neither ours nor of what carries our calls: those say nothing of what is to be mended. */
function isTheirs(frame: string): boolean {
  const at = frame.indexOf(OUR_ROOT)
  return !CARRIERS.test(frame) && (at === -1 || !OUR_FILE.test(frame.slice(at + OUR_ROOT.length)))
}
