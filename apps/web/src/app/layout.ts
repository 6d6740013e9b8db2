import { effect, signal } from '@preact/signals'
import { route } from './route.ts'

/** Whether the list of conversations covers the screen of a phone; on wider ones it always stands beside. */
export const isListOpen = signal(false)

effect(() => {
  // Whoever has chosen something wants to see it.
  void route.value
  isListOpen.value = false
})
