import { expect, test } from 'vitest'
import { byteSize } from './options.ts'

test.each([
  ['5GB', 5_000_000_000],
  ['5 gb', 5_000_000_000],
  ['1.5kB', 1500],
  ['4GiB', 2 ** 32],
  ['512MiB', 2 ** 29],
  ['70000', 70_000],
  ['12B', 12],
  ['0.1TB', 100_000_000_000],
])('%s is %d bytes', (text, bytes) => {
  expect(byteSize(text)).toBe(bytes)
})

test.each(['', 'GB', '-1GB', '0', '5 XB', '5iB', '1e9', '9999999TB', '0.5B'])('%j is no size', (text) => {
  expect(() => byteSize(text)).toThrow('such as 5GB')
})
