/** A model of a server, as it is typed: `http://HOST/v1#NAME`. */
import { modelsOfEndpoint, type Endpoint } from '../endpoint/endpoint.ts'
import { UsageError } from './errors.ts'

/** The environment variable with the key of a server that judges: no other server is to see it, nor it theirs. */
export const judgeKey = 'PHI_JUDGE_KEY'

/** The same for one that plays users. */
export const userKey = 'PHI_USER_KEY'

/**
 * The model that an address names; without a name, the one that the server has.
 *
 * @param keyName the environment variable with its key
 * @throws UsageError for what is no address, and for a server with several models
 * @throws PocketPhiError what asking for the names of the models throws
 */
export async function endpointOf(typed: string, keyName = 'PHI_ENDPOINT_KEY'): Promise<Endpoint> {
  if (!/^https?:\/\//.test(typed) || !URL.canParse(typed)) throw new UsageError(`"${typed}" is no address of a server.`)
  const { origin, pathname, hash } = new URL(typed)
  const url = origin + pathname
  const key = process.env[keyName]
  const named = decodeURIComponent(hash.slice(1))
  const models = named === '' ? await modelsOfEndpoint({ url, key, keyName }) : [named]
  const [model, ...others] = models
  if (model === undefined || others.length > 0) {
    throw new UsageError(`${url} has ${models.length} models; choose one: ${url}#NAME. They are: ${models.join(', ')}.`)
  }
  return { url, model, key, keyName }
}
