/** Whether a key sends: Enter without Shift, but not the one that ends a word in an input method. On a phone Enter begins a line. */
export function isSendKey(event: KeyboardEvent): boolean {
  // In Safari the composition has ended before its Enter comes, which only this code tells.
  const isComposing = event.isComposing || event.keyCode === 229
  if (event.key !== 'Enter' || event.shiftKey || isComposing) return false
  return event.metaKey || event.ctrlKey || matchMedia('(pointer: fine)').matches
}
