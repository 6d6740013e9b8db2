/** Tokens as the page shows them: those of an answer with their probabilities, those of a question with their ids. */
import type { Tokenizer } from 'pocket-phi'
import type { GenerationChunk } from 'pocket-phi/worker'
import { find, textElement } from './elements.ts'

type Likelihood = NonNullable<GenerationChunk['logprobs']>[number]

/** Up to this probability a token has the n-th colour; those above the last have none. */
const steps = [0.05, 0.25, 0.5, 0.9]

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 3 })

/** A token that stands by itself: its text with signs for spaces and line breaks, or how the vocabulary spells it where it is no text. */
function visible(tokenizer: Tokenizer, id: number): string {
  const text = new TextDecoder().decode(tokenizer.tokenBytes(id))
  const isText = text !== '' && !text.includes('\uFFFD')
  return isText ? text.replaceAll(' ', '␣').replaceAll('\n', '⏎') : (tokenizer.pieceOf(id) ?? '')
}

/** The answer while it is written. */
export class AnswerView {
  readonly #tokenizer: Tokenizer
  readonly #tokens = find('answer', HTMLDivElement)
  readonly #table = find('likely', HTMLTableElement)
  /** A character may take several tokens: the last of them shows it. */
  #decoder = new TextDecoder()

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
  }

  clear(): void {
    this.#tokens.replaceChildren()
    this.#table.hidden = true
    this.#decoder = new TextDecoder()
  }

  add({ logprobs = [] }: GenerationChunk): void {
    for (const likelihood of logprobs) {
      const text = this.#decoder.decode(this.#tokenizer.tokenBytes(likelihood.id), { stream: true })
      const isFirst = this.#tokens.childElementCount === 0
      // The space that SentencePiece begins a text with is not part of it.
      this.#tokens.append(this.#button(isFirst ? text.replace(/^ /, '') : text, likelihood))
    }
  }

  #button(text: string, likelihood: Likelihood): HTMLButtonElement {
    const button = textElement('button', text)
    if (text === '') button.ariaLabel = visible(this.#tokenizer, likelihood.id)
    const probability = Math.exp(likelihood.logprob)
    button.type = 'button'
    button.className = `token step-${steps.filter((step) => probability > step).length}`
    button.title = percent.format(probability)
    const list = (): void => this.#list(likelihood)
    button.addEventListener('focus', list)
    button.addEventListener('pointerenter', list)
    button.addEventListener('click', list)
    return button
  }

  #list({ id: chosen, logprob, top }: Likelihood): void {
    const others = top.some(({ id }) => id === chosen) ? top : [...top, { id: chosen, logprob }]
    const rows = others.map(({ id, logprob: likely }) => {
      const row = document.createElement('tr')
      row.classList.toggle('chosen', id === chosen)
      const name = textElement('th', visible(this.#tokenizer, id))
      name.scope = 'row'
      row.append(name, textElement('td', String(id)), textElement('td', percent.format(Math.exp(likely))))
      return row
    })
    if (this.#table.caption !== null)
      this.#table.caption.textContent = `In place of “${visible(this.#tokenizer, chosen)}”`
    this.#table.tBodies[0]?.replaceChildren(...rows)
    this.#table.hidden = false
  }
}

/** Shows how a text is cut. */
export function showTokens(tokenizer: Tokenizer, text: string): void {
  const ids = tokenizer.encode(text)
  const tokens = ids.map((id) => {
    const token = textElement('span', visible(tokenizer, id))
    token.className = 'piece'
    token.append(textElement('small', String(id)))
    return token
  })
  find('tokens', HTMLDivElement).replaceChildren(...tokens)
  find('token-count', HTMLParagraphElement).textContent = `${ids.length} tokens, ${text.length} characters`
}
