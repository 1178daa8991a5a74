#!/usr/bin/env node
/**
 * The program `millrace`. What goes wrong is one line on stderr, without a stack.
 */
import { parseArguments } from './arguments.ts'
import { inOneLine } from './failure.ts'
import { EXIT_CODES, runCommand } from './run-command.ts'
import { verifyCommand } from './verify-command.ts'

async function main(): Promise<number> {
  const parsed = parseArguments(process.argv.slice(2), {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
  })
  if (parsed.command === 'none') return parsed.exitCode
  try {
    return await (parsed.command === 'verify' ? verifyCommand(parsed.arguments) : runCommand(parsed.arguments))
  } catch (error) {
    process.stderr.write(`millrace: ${inOneLine(error)}\n`)
    return EXIT_CODES.failed
  }
}

main().then(code => process.exit(code))
