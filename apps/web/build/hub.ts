/**
 * Where models come from: the hub, and the servers to which it sends whoever asks for a file. A mirror takes its place by the
 * variable POCKET_PHI_HUB when the page is built, in the same form.
 */
const publicHub = 'https://huggingface.co https://*.huggingface.co https://*.hf.co'

/** Origins, the hub's own first. */
export function hubOrigins(variables: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  return (variables['POCKET_PHI_HUB'] ?? publicHub).split(/\s+/)
}
