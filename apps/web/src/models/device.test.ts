import { describe, expect, it } from 'vitest'
import { verdictOn } from './device.ts'

describe('verdictOn', () => {
  it.each([
    [2.3e9, 4, 'fits'],
    [2.8e9, 4, 'tight'],
    [4.2e9, 4, 'tight'],
    [4.4e9, 4, 'too-large'],
    [2.3e9, undefined, 'unknown'],
  ] as const)('%d bytes on %s GB: %s', (bytes, gigabytes, verdict) => {
    expect(verdictOn(bytes, gigabytes)).toBe(verdict)
  })
})
