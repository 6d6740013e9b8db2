/** The element of the page with this id. @throws Error when playground.html has none of this kind */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.querySelector(`#playground-${id}`)
  if (element instanceof kind) return element
  throw new Error(`playground.html has no ${kind.name} "playground-${id}"`)
}

/** The control of a form with this name. @throws Error when playground.html has none of this kind */
export function control<T extends Element>(form: HTMLFormElement, name: string, kind: new () => T): T {
  const element = form.elements.namedItem(name)
  if (element instanceof kind) return element
  throw new Error(`playground.html has no ${kind.name} named "${name}"`)
}

/** A cell with a text. */
export function textElement<K extends keyof HTMLElementTagNameMap>(tag: K, text: string): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  element.textContent = text
  return element
}
