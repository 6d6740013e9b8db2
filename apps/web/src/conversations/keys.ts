/** Whether a key sends: Enter without Shift, but not the one that ends a word in an input method. On a phone Enter begins a line. */
export function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return false
  return event.metaKey || event.ctrlKey || matchMedia('(pointer: fine)').matches
}
