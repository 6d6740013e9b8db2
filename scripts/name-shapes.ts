/**
 * Shows pictures of coloured shapes that no training saw to the model of recipes/shapes, and counts the answers that name all that is in
 * them. Exit code 1 unless it is right often enough.
 *
 *     node scripts/name-shapes.ts [runs/shapes/final] [--seed N] [--count 200] [--least 180]
 */
import { parseArgs } from 'node:util'
import { shapesConversation } from '../src/data/shapes.ts'
import { loadModel } from '../src/index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '2001' },
    count: { type: 'string', default: '200' },
    least: { type: 'string', default: '180' },
  },
})
const [seed, count, least] = [Number(values.seed), Number(values.count), Number(values.least)]
const [folder = 'runs/shapes/final'] = positionals
await using model = await loadModel(folder, { backend: 'wasm' })
let right = 0
for (let index = 0; index < count; index++) {
  const { picture, messages } = shapesConversation(seed, index)
  const [question, answer] = messages.map(({ content }) => content)
  const pictures = [await model.picture(picture)]
  const { text } = await model
    .chat()
    .send(question ?? '', { pictures, maxTokens: 40 })
    .result()
  if (text.trim() === answer) right++
  else console.log(`picture ${index}: ${answer}\n    ${text.trim()}`)
}
console.log(`seed ${seed}: ${right} of ${count} pictures named (at least ${least})`)
if (right < least) process.exitCode = 1
