import type { ComponentChildren } from 'preact'
import type { ErrorData } from 'pocket-phi/worker'
import { Icon } from './icons.tsx'

interface ErrorNoticeProps {
  readonly error: ErrorData
  /** What can be done about it, as buttons. */
  readonly children?: ComponentChildren
}

/** An error: what went wrong, what to do, and the particulars for those who want them. */
export function ErrorNotice({ error, children }: ErrorNoticeProps) {
  const { problem, expected, found, remedy } = error
  return (
    <div class="notice error" role="alert">
      <Icon name="warning" />
      <div class="notice-text">
        <p>{problem}</p>
        {remedy === undefined ? undefined : <p class="quiet">{remedy}</p>}
        {expected === undefined && found === undefined ? undefined : (
          <details>
            <summary>Particulars</summary>
            <dl>
              {expected === undefined ? undefined : (
                <>
                  <dt>Expected</dt>
                  <dd>{expected}</dd>
                </>
              )}
              {found === undefined ? undefined : (
                <>
                  <dt>Found</dt>
                  <dd>{found}</dd>
                </>
              )}
            </dl>
          </details>
        )}
        {children === undefined ? undefined : <div class="row">{children}</div>}
      </div>
    </div>
  )
}

interface NoticeProps {
  readonly children: ComponentChildren
  readonly actions?: ComponentChildren
}

/** Something to know, with what can be done about it. */
export function Notice({ children, actions }: NoticeProps) {
  return (
    <div class="notice" role="status">
      <div class="notice-text">
        <p>{children}</p>
        {actions === undefined ? undefined : <div class="row">{actions}</div>}
      </div>
    </div>
  )
}
