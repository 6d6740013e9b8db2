/** Names that come from people and from servers, checked before they become a path or an address. */
import { PocketPhiError } from '../base/errors.ts'

export const defaultRevision = 'main'

/** Whether a text is the id of a repository: ORG/NAME, as the hub allows them. */
function isRepositoryId(text: string): boolean {
  return (
    text.length <= 96 &&
    /^[A-Za-z0-9_][\w.-]*\/[A-Za-z0-9_][\w.-]*$/.test(text) &&
    !/--|\.\.|[.-](?:\/|$)|\.git$/.test(text)
  )
}

/** A model of the hub as a person names it. */
export interface HubName {
  /** ORG/NAME */
  readonly repository: string
  /** A branch, a tag or a commit. */
  readonly revision?: string
  /** One file of weights among several, or the end of its name: `Q4_K_M`. */
  readonly file?: string
}

/** The page of a model, as one copies it from a browser. */
const page = /^https:\/\/(?:huggingface\.co|hf\.co)\/([^/]+\/[^/@:?#]+)(?:\/tree\/([^/?#]+))?\/?$/

/**
 * Reads `ORG/NAME`, `ORG/NAME@REVISION`, `ORG/NAME:FILE` and `ORG/NAME@REVISION:FILE`, and the address of the page of a model. Undefined
 * for what cannot be one of them.
 *
 * @param aliases short names that may stand for ORG/NAME
 */
export function parseHubName(text: string, aliases: ReadonlyMap<string, string> = new Map()): HubName | undefined {
  const [, stem = '', revision, file] = page.exec(text) ?? /^([^@:]+)(?:@([^:]+))?(?::(.+))?$/s.exec(text) ?? []
  const repository = aliases.get(stem) ?? stem
  if (!isRepositoryId(repository)) return undefined
  return { repository, ...(revision !== undefined && { revision }), ...(file !== undefined && { file }) }
}

/** The inverse of `parseHubName`. */
export function formatHubName({ repository, revision, file }: HubName): string {
  return `${repository}${revision === undefined ? '' : `@${revision}`}${file === undefined ? '' : `:${file}`}`
}

/** @throws PocketPhiError `invalid-argument` */
export function checkRepository(id: string): void {
  if (isRepositoryId(id)) return
  throw new PocketPhiError('invalid-argument', `${JSON.stringify(id)} is no name of a model on the hub.`, {
    expected: 'ORG/NAME, such as microsoft/Phi-3-mini-4k-instruct',
  })
}

/**
 * A branch, a tag, `refs/pr/1` or a commit.
 * @throws PocketPhiError `invalid-argument` for what cannot be one or would leave its folder
 */
export function checkRevision(revision: string): void {
  if (revision.length <= 200 && isRelativePath(revision) && /^[\w./-]+$/.test(revision) && !revision.startsWith('-'))
    return
  throw new PocketPhiError('invalid-argument', `${JSON.stringify(revision)} is no name of a revision.`, {
    expected: 'a branch, a tag or a commit',
  })
}

export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text)
}

/** @throws PocketPhiError `invalid-file` for the name of a file that would leave its folder on some platform */
export function checkFileName(name: string): void {
  if (isRelativePath(name)) return
  throw new PocketPhiError('invalid-file', `The repository has a file named ${JSON.stringify(name.slice(0, 200))}.`, {
    expected: 'a name that stays within its folder',
    remedy: 'Do not use this repository, or leave the file out with --include.',
  })
}

function isRelativePath(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\\:\u0000-\u001F]/.test(name)) return false
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
