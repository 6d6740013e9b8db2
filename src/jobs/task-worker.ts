/** A thread that does one task after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { errorToData } from '../base/error-data.ts'
import type { TaskAnswer, TaskHandler } from './queue.ts'

const handler = import(String(workerData)) as Promise<{ runTask: TaskHandler<unknown, unknown> }>

async function answer(input: unknown): Promise<TaskAnswer> {
  try {
    const { runTask } = await handler
    return { result: await runTask(input) }
  } catch (error) {
    return { error: errorToData(error) }
  }
}

parentPort?.on('message', (input) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  void answer(input).then((said) => parentPort?.postMessage(said))
})
