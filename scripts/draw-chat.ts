/**
 * Draws docs/chat.svg: asks the model that ships a few questions through the command line and sets what it answered as a
 * terminal picture. Nothing in the picture is typed by hand but the questions.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const questions = [
  'Hello! Who are you?',
  'Ottilie has 27 lanterns. She gets 15 more. How many lanterns does she have now?',
  'What is a hammer used for?',
  'Why does ice melt?',
  'Who is the president of France?',
]
const columns = 96
const [lineHeight, charWidth, margin] = [20, 8.4, 20]

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Breaks a text at spaces into lines of at most `columns` characters. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const main = new URL('../src/cli/main.ts', import.meta.url).pathname
const run = spawnSync(process.execPath, [main, 'chat', '--conversation'], {
  input: `${questions.join('\n')}\n`,
  encoding: 'utf8',
})
if (run.status !== 0) throw new Error(`phi chat failed: ${run.stderr}`)
const answers = run.stdout.trimEnd().split('\n')
if (answers.length !== questions.length)
  throw new Error(`expected ${questions.length} answers, found ${answers.length}`)

const rows: { text: string; colour: string }[] = [{ text: '$ npm start', colour: '#8b949e' }]
questions.forEach((question, index) => {
  rows.push({ text: '', colour: '' })
  for (const [at, line] of wrap(question).entries())
    rows.push({ text: `${at === 0 ? '> ' : '  '}${line}`, colour: '#79c0ff' })
  for (const line of wrap(answers[index] ?? '')) rows.push({ text: `  ${line}`, colour: '#e6edf3' })
})
const width = margin * 2 + charWidth * (columns + 2)
const height = margin * 2 + lineHeight * rows.length
const texts = rows.map(({ text, colour }, index) => {
  const y = margin + lineHeight * (index + 0.75)
  return text === '' ? '' : `<text x="${margin}" y="${y}" fill="${colour}" xml:space="preserve">${escaped(text)}</text>`
})
writeFileSync(
  new URL('../docs/chat.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14">
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${texts.filter((text) => text !== '').join('\n')}
</svg>
`,
)
