/** Asks the browser not to clear away what is kept here. It may say no, and some refuse to be asked. */
export async function askToKeep(): Promise<void> {
  try {
    await navigator.storage.persist()
  } catch {
    // What is kept then lasts as long as the browser lets it.
  }
}
