/** Downloads from the hub, shown as they go. */
import type { OnProgress } from '../base/progress.ts'
import type { HubEnvironment } from '../hub/cache/environment.ts'
import { pull, type Pulled, type PulledFile, type PullOptions } from '../hub/cache/pull.ts'
import { interruptible } from './interrupt.ts'
import { bar, formatBytes, formatSeconds, note, StatusLine } from './terminal.ts'
import { TransferRate } from './transfer-rate.ts'

/**
 * Pulls, with a status line and a line for each file on standard error; Ctrl-C ends it.
 *
 * @param quiet prints nothing
 * @throws PocketPhiError as `pull`
 */
export async function download(
  repository: string,
  environment: HubEnvironment,
  options: Pick<PullOptions, 'revision' | 'file' | 'include'>,
  quiet = false,
): Promise<Pulled> {
  const status = new StatusLine(!quiet)
  const onFile = ({ name, size, received }: PulledFile): void => {
    status.clear()
    if (!quiet) note(`${name}  ${formatBytes(size)}${received === 0 ? '  (was there)' : ''}`)
  }
  const onProgress = downloadOn(status)
  return await interruptible(async (signal) => {
    try {
      return await pull(repository, environment, { ...options, signal, onProgress, onFile })
    } finally {
      status.clear()
    }
  })
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
    status.show(parts.join('  '), done === total)
  }
}
