/** The command line: which commands there are, and how they end. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { registerChat } from './chat.ts'
import { exitCodes, reportError } from './errors.ts'
import { registerEvalLoss } from './eval-loss.ts'
import { registerEvalWorld } from './eval-world.ts'
import { registerInfo } from './info.ts'
import { registerQuantize } from './quantize.ts'
import { registerRun } from './run.ts'
import { registerTokenize } from './tokenize.ts'
import { registerTrain } from './train.ts'
import { registerWideTest } from './wide.ts'

function packageVersion(): string {
  const json: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String((json as { version?: unknown }).version)
}

function buildProgram(): Command {
  const program = new Command('phi')
  program
    .description('Pocket Phi: the whole Phi-3 system in TypeScript. Talk to models, train, quantise and measure them.')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Examples:
  $ phi chat                                  talk to the small model that ships with the package
  $ phi run models/phi-nano "What is a fox?"  one answer
  $ phi train recipes/phi-nano/pretrain.yaml  train a model from a recipe
  $ phi quantize MODEL OUT --bits 4           make a model smaller

Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.`,
    )
  registerChat(program)
  registerRun(program)
  registerTokenize(program)
  registerInfo(program)
  registerQuantize(program)
  registerTrain(program)
  registerEvalWorld(program)
  registerEvalLoss(program)
  registerWideTest(program)
  for (const command of program.commands) command.option('--verbose', 'show where an error happened')
  return program
}

/** A reader that went away (`phi run … | head -1`) ends the program without a complaint. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(exitCodes.success)
  })
}

/** Runs the command line and sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  endQuietlyWithoutReader()
  const program = buildProgram()
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    const { text, code } = reportError(error, args.includes('--verbose'))
    if (text !== undefined) process.stderr.write(`${text}\n`)
    process.exitCode = code
  }
}
