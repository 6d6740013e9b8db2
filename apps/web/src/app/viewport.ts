/** The height that is left above a keyboard, where the browser lays it over the page instead of shrinking that. */
const { visualViewport } = globalThis

function measure(): void {
  if (visualViewport === null) return
  document.documentElement.style.setProperty('--viewport', `${visualViewport.height}px`)
  // The browser has scrolled what it does not know to fit.
  scrollTo(0, 0)
}

export function followKeyboard(): void {
  // Where the page shrinks by itself (index.html asks for it) the two are equal.
  visualViewport?.addEventListener('resize', () => {
    if (visualViewport.scale === 1) measure()
  })
}
