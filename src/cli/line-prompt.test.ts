import { PassThrough } from 'node:stream'
import { text as allOf } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { LinePrompt, type Typed } from './line-prompt.ts'

/** A prompt at a terminal that is made up; `type` is what somebody does with the keyboard. */
function promptAt() {
  const modes: boolean[] = []
  const keyboard = new PassThrough()
  const input = Object.assign(keyboard, { setRawMode: (isRaw: boolean) => modes.push(isRaw) })
  const output = new PassThrough()
  const prompt = new LinePrompt(input, output, '> ')
  onTestFinished(() => prompt.close())
  const typed = async (keys: string): Promise<Typed> => {
    const read = prompt.read()
    keyboard.write(keys)
    return await read
  }
  const shown = async (): Promise<string> => {
    output.end()
    return await allOf(output)
  }
  return { prompt, keyboard, modes, typed, shown }
}

const text = (said: string): Typed => ({ kind: 'text', text: said })
const pasted = (said: string): string => `\u001B[200~${said}\u001B[201~`

test('a line is a text; the terminal is its own between two of them', async () => {
  const { typed, modes, shown } = promptAt()
  expect(await typed('hello\r')).toEqual(text('hello'))
  expect(modes.at(-1)).toBe(false)
  expect(await typed('\r')).toEqual(text(''))
  const output = await shown()
  expect(output.lastIndexOf('\u001B[?2004l')).toBeGreaterThan(output.lastIndexOf('\u001B[?2004h'))
})

test('lines that end in a backslash go on, unless another one spells it out', async () => {
  const { typed, shown } = promptAt()
  expect(await typed('one\\\rtwo \\\rthree\r')).toEqual(text('one\ntwo \nthree'))
  expect(await typed('C:\\\\\r')).toEqual(text('C:\\'))
  expect(await typed('last\\\r\r')).toEqual(text('last'))
  expect(stripVTControlCharacters(await shown())).toContain('… three')
})

test('line breaks that are pasted are part of the text, which can be edited before it is sent', async () => {
  const { typed, prompt } = promptAt()
  expect(await typed(`see: ${pasted('a = 1\\\r\n\rb = 2')} ?\u007F!\r`)).toEqual(text('see: a = 1\\\n\nb = 2 !'))
  expect(await typed(`${pasted('with a break\r')}\r`)).toEqual(text('with a break'))
  // A terminal that does not tell what is pasted gives lines.
  expect(await typed('one\rtwo\r')).toEqual(text('one'))
  expect(await prompt.read()).toEqual(text('two'))
})

test('Ctrl-C drops all lines that were begun, and is told where there are none', async () => {
  const { typed } = promptAt()
  expect(await typed('one\\\rtwo\u0003\u0003')).toEqual({ kind: 'interrupt' })
  expect(await typed('one\\\r\u0003three\r')).toEqual(text('three'))
})

test('the end of the input sends what was begun, and ends', async () => {
  const { typed, prompt, shown } = promptAt()
  expect(await typed('one\\\r\u0004')).toEqual(text('one'))
  expect(await prompt.read()).toEqual({ kind: 'end' })
  const output = await shown()
  expect(output.lastIndexOf('\u001B[?2004l')).toBeGreaterThan(output.lastIndexOf('\u001B[?2004h'))
})
