/** Files that are dragged onto a part of the page. */
import type { Signal } from '@preact/signals'

/** Whether there are files, as the browser tells before they are dropped. */
function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') === true
}

/**
 * Takes the files that are dropped on an element. @param isTarget whether some are just over it @returns what ends that
 */
export function takeDrops(
  element: HTMLElement,
  isTarget: Signal<boolean>,
  take: (files: readonly File[]) => void,
): () => void {
  const controller = new AbortController()
  const { signal } = controller
  const over = (event: DragEvent): void => {
    if (!hasFiles(event)) return
    event.preventDefault()
    isTarget.value = true
  }
  const leave = ({ relatedTarget }: DragEvent): void => {
    if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) isTarget.value = false
  }
  const drop = (event: DragEvent): void => {
    isTarget.value = false
    if (!hasFiles(event)) return
    event.preventDefault()
    take([...(event.dataTransfer?.files ?? [])])
  }
  element.addEventListener('dragover', over, { signal })
  element.addEventListener('dragleave', leave, { signal })
  element.addEventListener('drop', drop, { signal })
  return () => controller.abort()
}
