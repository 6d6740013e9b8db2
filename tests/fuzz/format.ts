/**
 * Structure-aware mutants of every file that comes from somewhere: what a format brings, and how one mutant is judged. A mutant
 * follows from (format, seed, index) alone, so that any of them can be made again.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PocketPhiError } from '../../src/base/errors.ts'
import { Random } from '../../src/base/random.ts'
import { bytesSource, type ByteSource } from '../../src/formats/source.ts'

export interface FuzzFormat {
  readonly name: string
  /** How many of 1,000 mutants of all formats are of this one. */
  readonly share: number
  /** The next mutant. Most are changes of meaning that leave the container readable. */
  mutate(random: Random): Uint8Array | Promise<Uint8Array>
  /**
   * Loads a mutant as the package does and checks what was loaded against the format, computed another way.
   * @param passed to be called once the header has been accepted; each format says what that is
   * @throws PocketPhiError when the mutant is refused; anything else is a defect
   */
  load(bytes: Uint8Array, passed: () => void): Promise<void>
}

export interface Outcome {
  readonly passed: boolean
  /** `loaded`, or the code of the error that refused the mutant. */
  readonly result: string
  /** What is wrong about the outcome; undefined when nothing is. */
  readonly defect?: string
}

/** Throws what is not a refusal: the package did what the format does not allow. */
export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not as the format says: ${what}`)
}

export async function mutantOf(format: FuzzFormat, seed: number, index: number): Promise<Uint8Array> {
  return await format.mutate(new Random(seed).fork(format.name).fork(String(index)))
}

/** What any load may take, with the garbage that V8 has seen no need to collect: what files announce goes to gigabytes. */
const freeBytes = 128 * 2 ** 20
const bytesPerByte = 256

/** Bytes in use on the heap and in array buffers. */
function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

let collector: (() => void) | undefined

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  collector ??= runInNewContext('gc') as () => void
  collector()
}

/**
 * Loads a mutant and judges the outcome: right are a load whose result holds together, and a refusal that says what was wrong
 * and why. Memory is measured before and after, garbage included; where that looks too much, once more on a clean heap.
 */
export async function judge(format: FuzzFormat, bytes: Uint8Array): Promise<Outcome> {
  const most = freeBytes + bytesPerByte * bytes.length
  const before = usedBytes()
  const outcome = await attempt(format, bytes)
  if (usedBytes() - before <= most) return outcome
  collectGarbage()
  const clean = usedBytes()
  await attempt(format, bytes)
  const growth = usedBytes() - clean
  if (growth <= most) return outcome
  return { ...outcome, defect: `${growth} bytes of memory for a file of ${bytes.length}` }
}

async function attempt(format: FuzzFormat, bytes: Uint8Array): Promise<Outcome> {
  let passed = false
  try {
    await format.load(bytes, () => void (passed = true))
    return { passed, result: 'loaded' }
  } catch (error) {
    if (!(error instanceof PocketPhiError)) {
      const defect = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return { passed, result: 'defect', defect }
    }
    const defect = errorFault(error)
    return {
      passed,
      result: error.code,
      ...(defect !== undefined && { defect: `${defect}: ${error.message.slice(0, 500)}` }),
    }
  }
}

const refusals: readonly string[] = ['invalid-file', 'invalid-config', 'invalid-argument', 'not-supported', 'not-found']

/** Names from a file are part of messages; whole files are not. */
const longestMessage = 4000

function errorFault({ code, message, expected, found, remedy }: PocketPhiError): string | undefined {
  if (!refusals.includes(code)) return `a file is refused with "${code}"`
  if (message.length > longestMessage) return `a message of ${message.length} characters`
  if (expected === undefined && found === undefined && remedy === undefined) {
    return 'a refusal without expected, found or remedy'
  }
  return undefined
}

/** A source over a mutant, which throws at reads outside of it and when more is read than a load may ask for. */
export function guardedSource(bytes: Uint8Array, mostReads: number): ByteSource {
  const inner = bytesSource(bytes, 'mutant')
  let asked = 0
  return {
    ...inner,
    read(offset, length, into) {
      mustHold(offset >= 0 && length >= 0 && offset + length <= bytes.length, 'a read outside of the file')
      asked += length
      mustHold(asked <= mostReads * bytes.length, 'the file is read again and again')
      return inner.read(offset, length, into)
    },
  }
}

/** What became of some mutants of one format. */
export interface Tally {
  mutants: number
  passed: number
  readonly results: Record<string, number>
}

export function emptyTally(): Tally {
  return { mutants: 0, passed: 0, results: {} }
}

export function count(tally: Tally, outcome: Outcome): void {
  tally.mutants++
  if (outcome.passed) tally.passed++
  tally.results[outcome.result] = (tally.results[outcome.result] ?? 0) + 1
}

/** A line for people: `gguf: 150 mutants, 62 % past the header, 40 % loaded; refused: invalid-file 20 %`. */
export function tallyLine(name: string, { mutants, passed, results }: Tally): string {
  const percent = (part: number): string => `${((100 * part) / Math.max(1, mutants)).toFixed(1)} %`
  const { loaded = 0, ...refused } = results
  const codes = Object.entries(refused)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([code, times]) => `${code} ${percent(times)}`)
  return `${name}: ${mutants} mutants, ${percent(passed)} past the header, ${percent(loaded)} loaded; refused: ${codes.join(', ')}`
}
