/** Pictures of conversations: their files, and what the engine has of them. */
import { effect } from '@preact/signals'
import { PocketPhiError, type RemoteModel, type RemotePicture } from 'pocket-phi/worker'
import { readPicture } from './store.ts'
import { thread } from './conversations.ts'

/** Files that were chosen during this visit, by the names of their pictures: they are there also where nothing can be kept. */
const chosen = new Map<string, Blob>()

export function chooseFile(id: string, file: Blob): void {
  chosen.set(id, file)
}

/** @throws PocketPhiError `not-found` where the picture is not on this device any more */
export async function fileOfPicture(id: string): Promise<Blob> {
  const file = chosen.get(id) ?? (await readPicture(id))?.file
  if (file !== undefined) return file
  throw new PocketPhiError('not-found', 'A picture of this conversation is not on this device any more.')
}

/** What the engine has taken in, for the model that is loaded. */
let taken: { readonly model: RemoteModel; readonly pictures: Map<string, Promise<RemotePicture>> } | undefined

/**
 * A picture as the model has it: it is sent once, and again when another model is loaded.
 *
 * @throws PocketPhiError as `PhiModel.picture`, `not-found`
 */
export async function takePicture(model: RemoteModel, id: string): Promise<RemotePicture> {
  if (taken?.model !== model) taken = { model, pictures: new Map() }
  const { pictures } = taken
  const known = pictures.get(id)
  if (known !== undefined) return await known
  const picture = fileOfPicture(id).then((file) => model.picture(file))
  pictures.set(id, picture)
  // One that failed is tried again when it is asked for again.
  picture.catch(() => pictures.delete(id))
  return await picture
}

/** Lets the engine forget a picture, and this page its file where that is not kept. */
export function dropPicture(id: string): void {
  chosen.delete(id)
  forget(id)
}

function forget(id: string): void {
  const picture = taken?.pictures.get(id)
  taken?.pictures.delete(id)
  void picture?.then((found) => found.close()).catch(() => undefined)
}

let open = ''

/** The pictures of a conversation are forgotten by the engine when another one is opened. */
effect(() => {
  const { id, turns } = thread.value
  if (id === open) return
  open = id
  const shown = new Set(turns.flatMap(({ pictures = [] }) => pictures.map((picture) => picture.id)))
  for (const picture of taken?.pictures.keys() ?? []) {
    // What is attached to the next question has not been asked yet.
    if (!shown.has(picture) && !chosen.has(picture)) forget(picture)
  }
})
