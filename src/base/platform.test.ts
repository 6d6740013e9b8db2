import { expect, it } from 'vitest'
import { checkNode } from './platform.ts'

it('refuses a Node that is too old, and says which one is needed and how it comes', () => {
  expect(() => checkNode('20.20.2')).toThrow(
    /Expected Node 24 or newer\. Found Node 20\.20\.2\. .*npm install node@24$/,
  )
  expect(() => checkNode('24.0.0')).not.toThrow()
  expect(() => checkNode()).not.toThrow()
})
