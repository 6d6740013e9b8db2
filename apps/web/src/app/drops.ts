/** What is dragged onto a part of the page. */
import type { Signal } from '@preact/signals'

/** Whether there are files, as the browser tells before they are dropped. */
function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') === true
}

/**
 * Takes what is dropped on an element where there are files in it. @param isTarget whether some are just over it @returns what ends that
 */
export function takeDrops(
  element: HTMLElement,
  isTarget: Signal<boolean>,
  take: (dropped: DataTransfer) => void,
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
    if (event.dataTransfer !== null) take(event.dataTransfer)
  }
  element.addEventListener('dragover', over, { signal })
  element.addEventListener('dragleave', leave, { signal })
  element.addEventListener('drop', drop, { signal })
  return () => controller.abort()
}
