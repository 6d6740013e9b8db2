import { formatBytes, type Progress } from 'pocket-phi/worker'

interface ProgressBarProps {
  readonly label: string
  readonly progress: ShownProgress | undefined
}

/** The progress of the engine, or of something that takes a known time. */
export type ShownProgress = Omit<Progress, 'unit'> & { readonly unit: Progress['unit'] | 'seconds' }

function amount({ done, total, unit }: ShownProgress): string {
  return unit === 'bytes' ? `${formatBytes(done)} of ${formatBytes(total)}` : `${done} of ${total} ${unit}`
}

/** How far something is; where that is not known, that it goes on. */
export function ProgressBar({ label, progress }: ProgressBarProps) {
  const isKnown = progress !== undefined && progress.total > 0
  return (
    <div class="progress">
      <div class="progress-text">
        <span>{progress?.stage ?? label}</span>
        {isKnown ? <span class="figures">{amount(progress)}</span> : undefined}
      </div>
      <progress aria-label={label} {...(isKnown ? { value: progress.done, max: progress.total } : {})} />
    </div>
  )
}
