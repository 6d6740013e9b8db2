/** Where models come from, and a few that are known to fit a phone or a computer. */

/** Put in by the build (build/hub.ts): the hub, and the servers that it sends to. */
declare const HUB_ORIGINS: readonly string[]

export const hubEndpoint = HUB_ORIGINS[0] ?? ''

export const shippedModel = 'phi-nano'

export interface CatalogueEntry {
  /** As on the hub. */
  readonly name: string
  readonly title: string
  readonly about: string
}

/** Sizes and memory are not written here: the hub is asked when somebody wants to know. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'microsoft/Phi-3-mini-4k-instruct-gguf:q4',
    title: 'Phi-3-mini',
    about: '3.8 billion parameters, 4 bits, from Microsoft',
  },
  {
    name: 'bartowski/Phi-3.5-mini-instruct-GGUF:Q4_K_M',
    title: 'Phi-3.5-mini',
    about: '3.8 billion parameters, 4 bits, many languages',
  },
  {
    name: 'unsloth/Phi-4-mini-instruct-GGUF:Q4_K_M',
    title: 'Phi-4-mini',
    about: '3.8 billion parameters, 4 bits, the newest of the small ones',
  },
]
