/** The only script of the page that may ask the hub (build/headers.ts). It learns names of models, and nothing of what is said. */
import { serveCalls, type CallScope, type Progress } from 'pocket-phi/worker'
import { explained } from '../app/errors.ts'
import { hubEndpoint } from './catalogue.ts'
import { downloadModel, folderAddress, lookUp, removeModel } from './downloads.ts'
import type { DownloadCalls, InspectedModel } from './downloads-calls.ts'

/** Reads the headers of the weights on the hub by ranges, which tells what the model will take here. */
async function inspect(name: string, scope: CallScope<Progress>): Promise<InspectedModel> {
  const model = await lookUp(hubEndpoint, name, scope)
  scope.tell({ stage: 'measuring', done: 0, total: 0, unit: 'bytes' })
  const { httpFolder, measureModel } = await import('pocket-phi')
  const files = model.files.map((file) => file.name)
  const weightsFile = files.find((file) => /\.gguf$/i.test(file))
  const folder = httpFolder(folderAddress(hubEndpoint, model), { files, signal: scope.signal })
  const memory = await measureModel(folder, weightsFile === undefined ? {} : { weightsFile })
  return { ...model, memory }
}

serveCalls<DownloadCalls>(globalThis, {
  inspect: ({ name }, scope) => inspect(name, scope),
  download: async ({ name }, scope) => {
    try {
      return await downloadModel(hubEndpoint, name, scope)
    } catch (error) {
      throw explained(error)
    }
  },
  remove: ({ name }) => removeModel(name),
})
