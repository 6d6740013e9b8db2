/** Rows from the closed world: what phi-nano knows enough about to be tested with. */
import { drawHarmfulRequests, drawHarmlessRequests, drawStoryQuestions } from '../../data/world/index.ts'
import type { Seed } from '../types.ts'

export interface WorldCounts {
  readonly seed: number
  readonly harmful: number
  readonly harmless: number
  readonly stories: number
}

/** @param draw another number draws other rows */
export function worldSeeds({ seed, harmful, harmless, stories }: WorldCounts, draw: number): Seed[] {
  // Far apart, so that the draws of one seed are not those of the next.
  const drawn = seed + 1000 * draw
  const requests = [...drawHarmfulRequests(drawn, harmful), ...drawHarmlessRequests(drawn, harmless)]
  const asked = requests.map(({ question, answer, task, isHarmful, isToThirdParty }, index): Seed => {
    const kind = !isHarmful ? 'harmless' : isToThirdParty ? 'third-party' : 'harmful'
    return {
      set: 'world',
      id: `${draw}-${kind}-${index}`,
      kind,
      text: question,
      group: task,
      answer,
      isForMeasuring: false,
    }
  })
  const told = drawStoryQuestions(drawn, stories).map(({ question: text, answer }, index): Seed => {
    return {
      set: 'world',
      id: `${draw}-story-${index}`,
      kind: 'grounded',
      text,
      group: text,
      answer,
      isForMeasuring: false,
    }
  })
  return [...asked, ...told]
}
