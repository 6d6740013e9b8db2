/** Pictures that go with the next question. What they cost is known before it is asked. */
import { computed, effect, signal } from '@preact/signals'
import { PocketPhiError, type ErrorData, type RemoteModel } from 'pocket-phi/worker'
import { errorData } from '../app/errors.ts'
import { readyModel, session } from '../models/session.ts'
import { announcement } from './answering.ts'
import { chooseFile, dropPicture, takePicture } from './pictures.ts'
import type { ShownPicture } from './thread.ts'

export interface Attachment {
  readonly id: string
  readonly name: string
  readonly file: Blob
  /** What the loaded model makes of it; undefined until that is known. */
  readonly cost: { readonly width: number; readonly height: number; readonly tokens: number } | undefined
}

export const attachments = signal<readonly Attachment[]>([])
/** Why the last pictures were not taken. */
export const refusal = signal<ErrorData | undefined>(undefined)
export const isMeasuring = computed(() => attachments.value.some(({ cost }) => cost === undefined))

/** Takes the pictures among what was chosen, dropped or pasted; whether they are pictures is seen when they are decoded. */
export function attach(files: readonly File[]): void {
  if (files.length === 0) return
  refusal.value = undefined
  const added = files.map((file): Attachment => {
    const id = crypto.randomUUID()
    chooseFile(id, file)
    return { id, name: file.name === '' ? 'picture' : file.name, file, cost: undefined }
  })
  attachments.value = [...attachments.value, ...added]
  void measureAll()
}

export function detach(id: string): void {
  dropPicture(id)
  attachments.value = attachments.value.filter((one) => one.id !== id)
}

/** They are those of a question now. */
export function takeAttachments(): void {
  attachments.value = []
  refusal.value = undefined
}

export function shownOf({ id, name, cost }: Attachment): ShownPicture {
  return { id, name, width: cost?.width ?? 0, height: cost?.height ?? 0 }
}

async function measureAll(): Promise<void> {
  const waiting = attachments.value.filter(({ cost }) => cost === undefined)
  if (waiting.length === 0) return
  try {
    const { name, model } = await readyModel()
    if (!model.sees) throw blind(name)
    for (const attachment of waiting) await measure(model, attachment)
  } catch (error) {
    refuse(waiting, error)
  }
}

async function measure(model: RemoteModel, attachment: Attachment): Promise<void> {
  const { id, name } = attachment
  try {
    const { width, height, tokens } = await takePicture(model, id)
    const cost = { width, height, tokens }
    attachments.value = attachments.value.map((one) => (one.id === id ? { ...one, cost } : one))
    announcement.value = `${name}: ${tokens} tokens`
  } catch (error) {
    refuse([attachment], named(name, error))
  }
}

/** The pictures go, and it is said why. Where another model is being loaded, that one will be asked. */
function refuse(waiting: readonly Attachment[], error: unknown): void {
  if (session.value.state === 'loading') return
  for (const { id } of waiting) if (attachments.value.some((one) => one.id === id && one.cost === undefined)) detach(id)
  refusal.value = errorData(error)
}

function blind(found: string): PocketPhiError {
  return new PocketPhiError('not-supported', 'This model cannot see pictures.', {
    expected: 'Phi-3-vision or Phi-3.5-vision',
    found,
    remedy: 'Choose a model that can under Models, or ask without a picture.',
  })
}

function named(name: string, error: unknown): unknown {
  if (!(error instanceof PocketPhiError)) return error
  const { code, problem, expected, found, remedy } = error
  return new PocketPhiError(code, `${name}: ${problem}`, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

/** Another model may cut pictures otherwise, or not see at all. */
effect(() => {
  if (session.value.state !== 'ready') return
  const before = attachments.peek()
  if (before.length === 0) return
  attachments.value = before.map((one) => ({ ...one, cost: undefined }))
  void measureAll()
})
