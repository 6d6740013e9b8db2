import { PocketPhiError } from '../base/errors.ts'
import type { MessageEnd } from './calls.ts'
import { RemoteEngine } from './remote-engine.ts'

/**
 * Starts a worker of a browser with an engine in it, so that the page that calls never waits for a model.
 *
 * @throws PocketPhiError `not-supported` where there are no such workers (Node, whose event loop is not held up by models anyway)
 */
export function startEngine(): RemoteEngine {
  if (typeof Worker === 'undefined') {
    throw new PocketPhiError('not-supported', 'There are no workers of a browser here.', {
      remedy: 'Use loadModel, or serveEngine and connectEngine with the two ends of a MessageChannel.',
    })
  }
  // Written in one expression, which is how bundlers know a worker.
  const worker = new Worker(new URL('./engine-worker.js', import.meta.url), {
    type: 'module',
    name: 'pocket-phi-engine',
  })
  const engine = new RemoteEngine(worker, () => worker.terminate())
  worker.addEventListener('error', (event) => engine.lose(event.message || 'the worker could not be loaded'))
  worker.addEventListener('messageerror', () => engine.lose('a message could not be read'))
  return engine
}

/** The engine at the other end of a port, where `serveEngine` answers. */
export function connectEngine(port: MessageEnd): RemoteEngine {
  return new RemoteEngine(port)
}
