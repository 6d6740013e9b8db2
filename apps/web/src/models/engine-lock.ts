/**
 * One tab at a time has an engine: memory is scarce, and two copies of a large model would end both. A tab that wants it
 * asks the one that has it, which frees its model first and lets go then.
 */
const name = 'pocket-phi-engine'

/** Milliseconds: a page that is being reloaded takes a moment to let go of its lock. */
const patience = 500

/** Milliseconds that another tab has to free its model. One that is frozen or hangs does not, and the lock is taken from it. */
const takeOverPatience = 6000

const channel = new BroadcastChannel(name)

/** Lets other tabs have the engine; undefined while this tab does not have it. */
let release: (() => void) | undefined
let taking: Promise<boolean> | undefined
let free: () => Promise<void> = () => Promise.resolve()

/** @param freeModel frees what this tab has, because another one wants the engine; that one waits for it */
export function whenEngineIsWanted(freeModel: () => Promise<void>): void {
  free = freeModel
}

/**
 * @param steal takes the place of another tab, once that one has freed its model
 * @returns whether this tab has the engine
 */
export function takeEngine(steal: boolean): Promise<boolean> {
  if (release !== undefined) return Promise.resolve(true)
  taking ??= take(steal).finally(() => {
    taking = undefined
  })
  return taking
}

async function take(steal: boolean): Promise<boolean> {
  if (!steal) return await request({ signal: AbortSignal.timeout(patience) })
  channel.postMessage('wanted')
  const isFree = await request({ signal: AbortSignal.timeout(takeOverPatience) })
  return isFree || (await request({ steal: true }))
}

/** @returns false where another tab has the lock. Where there are no locks (a page without TLS) there is nobody to ask. */
async function request(options: LockOptions): Promise<boolean> {
  const taken = Promise.withResolvers<boolean>()
  const held = Promise.withResolvers<void>()
  let isGranted = false
  const hold = (): Promise<void> => {
    isGranted = true
    release = held.resolve
    taken.resolve(true)
    return held.promise
  }
  try {
    navigator.locks.request(name, options, hold).catch((error: unknown) => {
      taken.resolve(!isTimeout(error))
      // A request that waited in vain says nothing of the lock that another one holds.
      if (isGranted) void letGo()
    })
  } catch {
    taken.resolve(true)
  }
  return await taken.promise
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && ['TimeoutError', 'AbortError'].includes(error.name)
}

/** Frees the model, and then the lock, which may have been taken already. */
async function letGo(): Promise<void> {
  const releaseLock = release
  release = undefined
  await free()
  releaseLock?.()
}

channel.addEventListener('message', () => {
  if (release !== undefined) void letGo()
})
