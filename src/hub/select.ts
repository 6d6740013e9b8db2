/** Which files of a repository a model needs. */
import { PocketPhiError } from '../base/errors.ts'
import { indexFileName, singleFileName } from '../formats/safetensors.ts'

/** Which files of a repository are wanted; without either what `loadModel` needs. */
export interface Selection {
  /** Takes what matches one of these instead, whatever it is: `*` is any text, also over `/`, and `?` one character. */
  readonly include?: readonly string[] | undefined
  /** Takes this file alone; of a split GGUF file all parts. The end of a GGUF's name will do, as `Q4_K_M`, in any case. */
  readonly file?: string | undefined
}

/** What goes with the weights. */
const companions = [
  /^(?:generation_|preprocessor_|processor_)?config\.json$/,
  /^tokenizer(?:_config)?\.json$/,
  /^tokenizer\.model$/,
  /^(?:special_tokens_map|added_tokens|vocab)\.json$/,
  /^merges\.txt$/,
  /^chat_template\.(?:jinja|json)$/,
  /\.tiktoken$/,
  /^(?:LICENSE|NOTICE)[^/]*$/i,
]

/** How llama.cpp numbers the parts of a split file. */
const partOfSplit = /^(.*)-\d{5}-of-(\d{5})\.gguf$/i

/**
 * Chooses from the names of a repository's files: the configuration, the tokenizer and the safetensors weights at its top, or
 * its one GGUF file, unless the selection says otherwise.
 *
 * @throws PocketPhiError `not-found` when what was asked for is not there, `invalid-argument` when there are several GGUF
 * files and none was chosen
 */
export function selectFiles(names: readonly string[], { include, file }: Selection = {}): string[] {
  if (file !== undefined) return partsOf(file, names)
  if (include !== undefined && include.length > 0) return matching(include, names)
  const top = names.filter((name) => !name.includes('/'))
  const small = top.filter((name) => companions.some((form) => form.test(name)))
  const weights = safetensorsOf(top)
  if (weights.length > 0) return [...small, ...weights]
  const [model, ...others] = modelsInGguf(names)
  if (model === undefined) {
    throw new PocketPhiError('not-found', 'The repository has no weights that can be used.', {
      expected: '*.safetensors or *.gguf',
      found: listed(names),
      remedy: 'Look for another repository of the same model. --include takes any files.',
    })
  }
  if (others.length > 0) throw severalModels([model, ...others])
  return model
}

function severalModels(models: readonly (readonly string[])[]): PocketPhiError {
  return new PocketPhiError('invalid-argument', 'The repository has several GGUF files.', {
    found: models.map(([name = '']) => name).join('\n'),
    remedy:
      'Choose one: ORG/NAME:FILE, where the end of the name will do (ORG/NAME:Q4_K_M); with phi pull also by --file FILE.',
  })
}

/** The checkpoint itself, without copies in other layouts that some repositories keep beside it. */
function safetensorsOf(top: readonly string[]): string[] {
  const all = top.filter((name) => name.endsWith('.safetensors'))
  if (top.includes(indexFileName)) {
    const shards = all.filter((name) => /^model-\d+-of-\d+\.safetensors$/.test(name))
    return [indexFileName, ...(shards.length > 0 ? shards : all)]
  }
  return all.includes(singleFileName) ? [singleFileName] : all
}

/** The GGUF files, those in parts as one; projectors of vision models are no models. */
function modelsInGguf(names: readonly string[]): string[][] {
  const models = names.filter((name) => /\.gguf$/i.test(name) && !/(?:^|\/)mmproj/i.test(name))
  return Array.from(Map.groupBy(models, (name) => name.replace(partOfSplit, '$1')).values(), (parts) => parts)
}

function partsOf(file: string, names: readonly string[]): string[] {
  if (!names.includes(file)) return modelByEnding(file, names)
  const split = partOfSplit.exec(file)
  return names.filter((name) => {
    const other = partOfSplit.exec(name)
    return name === file || (split !== null && other?.[1] === split[1] && other?.[2] === split[2])
  })
}

/** The GGUF file whose name has this at its end, as what the file holds is usually called there. */
function modelByEnding(ending: string, names: readonly string[]): string[] {
  const wanted = ending.toLowerCase()
  const models = modelsInGguf(names).filter(([name = '']) => {
    const stem = name
      .replace(partOfSplit, '$1')
      .replace(/\.gguf$/i, '')
      .toLowerCase()
    return stem.endsWith(wanted) && /[^a-z0-9]/.test(stem.at(-wanted.length - 1) ?? '/')
  })
  const [model, ...others] = models
  if (model !== undefined && others.length === 0) return model
  throw model === undefined
    ? new PocketPhiError('not-found', `The repository has no file "${ending}".`, { found: listed(names) })
    : severalModels(models)
}

/** What the numbers in the names (`-00001-of-00002`) promise and is not there. */
export function missingParts(names: readonly string[]): string[] {
  const there = new Set(names)
  const promised = names.flatMap((name) => {
    const match = /^(.*)-\d{5}-of-(\d{5})(\.(?:safetensors|gguf))$/.exec(name)
    if (match === null) return []
    const [, stem = '', count = '', ending = ''] = match
    const part = (index: number): string => `${stem}-${String(index + 1).padStart(5, '0')}-of-${count}${ending}`
    // More than there are files to a model would be a name that means something else.
    return Array.from({ length: Math.min(Number(count), 1000) }, (_, index) => part(index))
  })
  return [...new Set(promised)].filter((name) => !there.has(name))
}

function matching(patterns: readonly string[], names: readonly string[]): string[] {
  const forms = patterns.map(patternOf)
  forms.forEach((form, index) => {
    if (names.some((name) => form.test(name))) return
    throw new PocketPhiError('not-found', `No file of the repository matches "${patterns[index]}".`, {
      found: listed(names),
    })
  })
  return names.filter((name) => forms.some((form) => form.test(name)))
}

function patternOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (character) => {
    if (character === '*') return '.*'
    return character === '?' ? '.' : `\\${character}`
  })
  // A folder stands for all that is in it.
  return new RegExp(`^${source}${pattern.endsWith('/') ? '.*' : ''}$`, 's')
}

function listed(names: readonly string[]): string {
  const some = [...names].sort().slice(0, 20)
  const rest = names.length - some.length
  return `${some.join('\n')}${rest > 0 ? `\nand ${rest} more` : ''}` || 'no files'
}
