/** Gives the user a file to keep. */
export function saveFile(name: string, content: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken the file by the next turn of its loop, but says so nowhere.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
