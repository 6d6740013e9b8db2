/** `phi pull`: downloads a model from the Hugging Face hub into the cache that its tools share. */
import { homedir } from 'node:os'
import type { Command } from 'commander'
import type { OnProgress } from '../base/progress.ts'
import { hubEnvironment } from '../hub/environment.ts'
import { pull, type Pulled, type PulledFile } from '../hub/pull.ts'
import { UsageError } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { given, repeated } from './options.ts'
import { bar, formatBytes, formatSeconds, note, print, printJson, StatusLine } from './terminal.ts'
import { TransferRate } from './transfer-rate.ts'

interface PullCommandOptions {
  readonly revision?: string
  readonly include?: string[]
  readonly file?: string
  readonly json?: boolean
}

export function registerPull(program: Command): void {
  program
    .command('pull')
    .description('Download a model from the Hugging Face hub, or go on with a download that was interrupted.')
    .argument('<model>', 'its name on the hub: ORG/NAME')
    .option('--revision <name>', 'a branch, a tag or a commit (default: main)')
    .option('--file <name>', 'this file alone, such as one GGUF of several (with all parts if it is split)')
    .option(
      '--include <pattern>',
      'what matches instead of what a model needs ("*" stands for anything); may be given several times',
      repeated,
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Environment: HF_TOKEN, HF_HUB_CACHE, HF_HOME, HF_ENDPOINT (a mirror), HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT (seconds without a byte).

Examples:
  $ phi pull microsoft/Phi-3-mini-4k-instruct
  $ phi pull microsoft/Phi-3-mini-4k-instruct-gguf --file Phi-3-mini-4k-instruct-q4.gguf
  $ phi pull microsoft/Phi-3-mini-4k-instruct --include "*.json" --include "*.md"`,
    )
    .action(runPull)
}

async function runPull(name: string, options: PullCommandOptions): Promise<void> {
  if (options.file !== undefined && options.include !== undefined) {
    throw new UsageError('Give either --file or --include.')
  }
  const environment = await hubEnvironment(process.env, homedir())
  const status = new StatusLine(options.json !== true)
  const showFile = ({ name: file, size, received }: PulledFile): void => {
    status.clear()
    if (options.json !== true) note(`${file}  ${formatBytes(size)}${received === 0 ? '  (was there)' : ''}`)
  }
  const pulled = await interruptible(async (signal) => {
    try {
      return await pull(name, environment, {
        ...given({ revision: options.revision, include: options.include, file: options.file }),
        signal,
        onProgress: downloadOn(status),
        onFile: showFile,
      })
    } finally {
      status.clear()
    }
  })
  if (options.json === true) printJson({ model: name, ...pulled })
  else report(pulled)
}

function report({ folder, files }: Pulled): void {
  const received = files.reduce((sum, file) => sum + file.received, 0)
  const size = files.reduce((sum, file) => sum + file.size, 0)
  note(`${files.length} files, ${formatBytes(size)}; ${formatBytes(received)} came over the network`)
  print(folder)
}

/** Shows in a status line how far a download is, how fast, and how long it will take. */
function downloadOn(status: StatusLine): OnProgress {
  const transfer = new TransferRate()
  return ({ stage, done, total }) => {
    if (total === 0) return status.show(stage)
    transfer.add(performance.now(), done)
    const { rate } = transfer
    const left = transfer.secondsLeft(total)
    const parts = [
      `${bar(done / total)} ${Math.floor((100 * done) / total)} %`,
      `${formatBytes(done)} of ${formatBytes(total)}`,
      ...(rate === undefined ? [] : [`${formatBytes(Math.round(rate))}/s`]),
      ...(left === undefined ? [] : [`${formatSeconds(left)} left`]),
      stage,
    ]
    status.show(parts.join('  '))
  }
}
