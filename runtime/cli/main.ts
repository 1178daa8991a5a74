#!/usr/bin/env node
/**
 * The program `millrace`. An error is one line on stderr, without a stack. Only the given command is loaded.
 */
import { bundleOf } from '../base/bundle.ts'
import { toStderr } from '../base/stderr.ts'
import { parseArguments } from './arguments.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { inOneLine } from './failure.ts'
import { bearClosedPipes } from './standard-streams.ts'

async function main(): Promise<number> {
  bearClosedPipes()
  const parsed = parseArguments(process.argv.slice(2), {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
  })
  if (parsed.command === 'none') return parsed.exitCode
  try {
    if (parsed.command === 'verify') return await (await import('./verify-command.ts')).verifyCommand(parsed.arguments)
    return await (await runModule()).runCommand(parsed.arguments)
  } catch (error) {
    toStderr(`millrace: ${inOneLine(error)}`)
    return EXIT_CODES.failed
  }
}

/** In one file, and the door in another: that takes a third of the time. */
function runModule(): Promise<typeof import('./run-command.ts')> {
  return import(bundleOf(new URL('./run-command.js', import.meta.url)).href)
}

main().then(code => process.exit(code))
