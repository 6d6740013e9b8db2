/** `phi report`: a run as a page. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { gatherReport } from '../make/report/gather.ts'
import { reportPage } from '../make/report/page.ts'
import { interruptible } from './interrupt.ts'
import { integer } from './options.ts'
import { note, print } from './terminal.ts'

interface ReportOptions {
  readonly out?: string
  readonly live?: boolean
  readonly seconds: number
}

export function registerReport(program: Command): void {
  program
    .command('report')
    .description(
      'Write a page that tells of a run: its stages, curves of its trainings, what data kept, what was measured.',
    )
    .argument('<folder>', 'folder of a run: of phi make, phi train or phi data run')
    .option('--out <file>', 'the page (default: report.html in the folder)')
    .option('--live', 'write it again and again until the run is done; the open page shows the newest by itself')
    .option('--seconds <n>', 'with --live, the time between two pages', integer(1, 3600), 5)
    .addHelpText(
      'after',
      `
The page is one file that needs no network: it is opened in any browser, and can be sent on.

Examples:
  $ phi report runs/tiny
  $ phi report runs/phi-nano-pretrain --live`,
    )
    .action(writeReport)
}

async function writeReport(folder: string, options: ReportOptions): Promise<void> {
  const { out = join(folder, 'report.html'), live = false, seconds } = options
  if (!live) {
    await writeFileAtomic(out, reportPage(await gatherReport(folder)))
    print(`The page is ${out}.`)
    return
  }
  await interruptible((signal) => keepReporting(folder, out, seconds, signal))
}

/** The last page, of a run that is done or that is not watched any longer, does not load itself again. */
async function keepReporting(folder: string, out: string, seconds: number, signal: AbortSignal): Promise<void> {
  let isAnnounced = false
  for (;;) {
    const report = await gatherReport(folder)
    const isLast = report.isDone || signal.aborted
    await writeFileAtomic(out, reportPage(report, isLast ? undefined : seconds))
    if (report.isDone) return print(`The run is done. The page is ${out}.`)
    if (signal.aborted) throw new PocketPhiError('aborted', `The page is not written again. It is ${out}.`)
    if (!isAnnounced) note(`The page is ${out}. It is written every ${seconds} s until the run is done, or Ctrl-C.`)
    isAnnounced = true
    await setTimeout(1000 * seconds, undefined, { signal }).catch(() => {})
  }
}
