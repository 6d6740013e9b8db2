/** Models of the Hugging Face hub, as far as Node and browsers do the same: names, listings, what a model needs, downloads. */
export { completeFile, type DownloadOptions, type PartialContent } from './download.ts'
export {
  describeFile,
  fileAddress,
  listRepository,
  type Checksum,
  type ListedFile,
  type Listing,
  type RemoteFile,
  type RepositoryKind,
} from './listing.ts'
export { checkFileName, formatHubName, parseHubName, type HubName } from './names.ts'
export type { Connection, HubAdvice } from './request.ts'
export type { Fetch } from '../formats/http.ts'
export type { RetryOptions } from '../base/retry.ts'
export { missingParts, selectFiles, type Selection } from './select.ts'
export { systemClock, type Clock } from '../base/clock.ts'
