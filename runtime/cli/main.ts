#!/usr/bin/env node
/**
 * The program `millrace`. An error is one line on stderr, without a stack. Only the given command is loaded.
 */
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
    return await (await import('./run-command.ts')).runCommand(parsed.arguments)
  } catch (error) {
    toStderr(`millrace: ${inOneLine(error)}`)
    return EXIT_CODES.failed
  }
}

main().then(code => process.exit(code))
