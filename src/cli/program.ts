/** The command line: which commands there are, and how they end. */
import { Command } from 'commander'
import { exitCodes, reportError } from './errors.ts'
import { packageVersion } from './version.ts'
import { wideTestCommand } from './wide.ts'

type Register = (program: Command) => void

/** The commands in the order in which they are listed. Only what is called is loaded. */
const commands: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['chat', async () => (await import('./chat.ts')).registerChat],
  ['run', async () => (await import('./run.ts')).registerRun],
  ['serve', async () => (await import('./serve.ts')).registerServe],
  ['tokenize', async () => (await import('./tokenize.ts')).registerTokenize],
  ['info', async () => (await import('./info.ts')).registerInfo],
  ['quantize', async () => (await import('./quantize.ts')).registerQuantize],
  ['init', async () => (await import('./init.ts')).registerInit],
  ['pull', async () => (await import('./pull.ts')).registerPull],
  ['list', async () => (await import('./kept-models.ts')).registerList],
  ['rm', async () => (await import('./kept-models.ts')).registerRemove],
  ['train', async () => (await import('./train.ts')).registerTrain],
  ['data', async () => (await import('./data.ts')).registerData],
  ['make', async () => (await import('./make.ts')).registerMake],
  ['safety', async () => (await import('./safety.ts')).registerSafety],
  ['report', async () => (await import('./report.ts')).registerReport],
  ['merge', async () => (await import('./merge.ts')).registerMerge],
  ['longrope', async () => (await import('./longrope.ts')).registerLongRope],
  ['index', async () => (await import('./index-files.ts')).registerIndex],
  ['search', async () => (await import('./index-files.ts')).registerSearch],
  ['eval', async () => (await import('./eval.ts')).registerEval],
  ['eval-world', async () => (await import('./eval-world.ts')).registerEvalWorld],
  ['eval-loss', async () => (await import('./eval-loss.ts')).registerEvalLoss],
  ['verify', async () => (await import('./verify.ts')).registerVerify],
  [wideTestCommand, async () => (await import('./wide-test.ts')).registerWideTest],
])

/** The command line with the command that is called, or with all of them to list. */
async function buildProgram(args: readonly string[]): Promise<Command> {
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
  $ phi run phi-nano "What is a fox?"         one answer
  $ phi serve phi-nano                        an OpenAI-compatible server on this machine
  $ phi train recipes/phi-nano/pretrain.yaml  train a model from a recipe
  $ phi index notes --out notes.index         documents to answer from: phi chat --search notes.index
  $ phi quantize MODEL OUT --bits 4           make a model smaller

Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.`,
    )
  const called = commands.get(args[0] ?? '')
  for (const load of called === undefined ? commands.values() : [called]) (await load())(program)
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    command.option('--verbose', 'show where an error happened')
  }
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
  const program = await buildProgram(args)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    const { text, code } = reportError(error, args.includes('--verbose'))
    if (text !== undefined) process.stderr.write(`${text}\n`)
    process.exitCode = code
  }
}
