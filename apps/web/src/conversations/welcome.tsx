import { Mark } from '../app/icons.tsx'
import { shippedModel } from '../models/catalogue.ts'
import { canAnswer, session } from '../models/session.ts'
import { ask, isAnswering } from './answering.ts'

/** Questions that the small model was made for (docs/world.md). */
const questions = [
  'What is a hammer used for?',
  'What is 27 plus 15?',
  'Which is bigger, a horse or a mouse?',
  'How are you?',
]

/** What one sees before anything is said. */
export function Welcome() {
  const { value } = session
  const isShipped = 'name' in value && value.name === shippedModel
  return (
    <section class="welcome" aria-labelledby="welcome">
      <Mark />
      <h1 id="welcome">What would you like to know?</h1>
      <p class="quiet">The model runs on this device. Nothing that you write leaves it.</p>
      {isShipped && canAnswer.value ? (
        <>
          <ul class="questions">
            {questions.map((question) => (
              <li>
                <button type="button" disabled={isAnswering.value} onClick={() => ask(question)}>
                  {question}
                </button>
              </li>
            ))}
          </ul>
          <p class="quiet fine">
            phi-nano is tiny: it knows a small invented world and sums up to 100, and errs often. Larger models are
            under <a href="#/models">Models</a>.
          </p>
        </>
      ) : undefined}
    </section>
  )
}
