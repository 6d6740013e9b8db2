/** What the environment says about the hub, in the variables that huggingface_hub reads, so that its users set nothing twice. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PocketPhiError } from '../../base/errors.ts'
import type { HubAdvice } from '../request.ts'

export interface HubEnvironment {
  /** Where the hub is, without a slash at the end: a mirror, or https://huggingface.co. */
  readonly endpoint: string
  /** The folder with `models--ORG--NAME`. */
  readonly cache: string
  readonly token: string | undefined
  /** Whether the network must not be used. */
  readonly offline: boolean
  /** How long no byte may come before a connection is given up. */
  readonly stallSeconds: number
}

/** What to set in the environment. */
export const environmentAdvice: HubAdvice = {
  endpoint: 'Check HF_ENDPOINT, and proxies on the way.',
  unreachable:
    'Check the network. HF_ENDPOINT names a mirror; with HF_HUB_OFFLINE=1 only what is in the cache is used.',
  limits: 'Try again later, or with a token in HF_TOKEN, which has higher limits.',
  access: 'For a private or gated model set HF_TOKEN to a token of an account that may read it.',
}

type Variables = Readonly<Record<string, string | undefined>>

const defaultStallSeconds = 30

/** The words that huggingface_hub takes for yes. */
const isTrue = (text: string | undefined): boolean => /^(?:1|on|yes|true)$/i.test(text ?? '')

/** A variable that is set to nothing counts as not set. */
const setOr = (...texts: readonly (string | undefined)[]): string | undefined =>
  texts.find((text) => text !== undefined && text.trim() !== '')?.trim()

/**
 * Reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT and HF_TOKEN, with the names that they
 * replaced and the token that `hf auth login` leaves in a file.
 *
 * @param variables `process.env`
 * @param home the home folder of the user
 * @throws PocketPhiError `invalid-config` for an endpoint that is no address
 */
export async function hubEnvironment(variables: Variables, home: string): Promise<HubEnvironment> {
  const path = (text: string): string => resolve(text.replace(/^~(?=$|[\\/])/, () => home))
  const caches = path(setOr(variables['XDG_CACHE_HOME']) ?? join(home, '.cache'))
  const hubHome = path(setOr(variables['HF_HOME']) ?? join(caches, 'huggingface'))
  const cache = setOr(variables['HF_HUB_CACHE'], variables['HUGGINGFACE_HUB_CACHE'])
  const tokenFile = path(setOr(variables['HF_TOKEN_PATH']) ?? join(hubHome, 'token'))
  const seconds = Number(setOr(variables['HF_HUB_DOWNLOAD_TIMEOUT']))
  return {
    endpoint: endpointOf(setOr(variables['HF_ENDPOINT']) ?? 'https://huggingface.co'),
    cache: path(cache ?? join(hubHome, 'hub')),
    token: tokenOf(
      setOr(
        variables['HF_TOKEN'],
        variables['HUGGING_FACE_HUB_TOKEN'],
        await readFile(tokenFile, 'utf8').catch(() => ''),
      ),
    ),
    offline: isTrue(setOr(variables['HF_HUB_OFFLINE'], variables['TRANSFORMERS_OFFLINE'])),
    stallSeconds: seconds > 0 && Number.isFinite(seconds) ? seconds : defaultStallSeconds,
  }
}

function endpointOf(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, '')
  throw new PocketPhiError('invalid-config', 'HF_ENDPOINT is no address of a server.', {
    expected: 'an address such as https://huggingface.co',
    found: JSON.stringify(text),
  })
}

/** A header cannot carry other characters, and the error that it gives would show the token. */
function tokenOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[\u0021-\u007E]+$/.test(text)) return text
  throw new PocketPhiError('invalid-config', 'The token for the hub has characters that no token has.', {
    remedy: 'Check HF_TOKEN, or the file that `hf auth login` wrote.',
  })
}
