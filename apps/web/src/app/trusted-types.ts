/**
 * The policy of the page lets no text become markup or script (require-trusted-types-for). Workers are the one thing that the page
 * starts by an address; only its own are let through.
 */
interface TrustedTypes {
  createPolicy(name: string, rules: { readonly createScriptURL: (address: string) => string }): unknown
}

const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes }

trustedTypes?.createPolicy('default', {
  createScriptURL: (address) => {
    if (new URL(address, document.baseURI).origin === location.origin) return address
    throw new TypeError(`A script of another origin was refused: ${address}`)
  },
})
