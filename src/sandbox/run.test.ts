import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { findInterpreter } from './interpreters.ts'
import { runProgram } from './run.ts'

describe('a program in Python', () => {
  test('runs to its end with the library that it needs', async () => {
    const source = [
      'import bisect, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq, itertools, json, math, random, re',
      'import statistics, string, sys, typing, unicodedata',
      "print(collections.Counter('banana').most_common(1), math.comb(5, 2), re.sub('a+', '-', 'baab'))",
      "print(hashlib.md5('é'.encode()).hexdigest(), file=sys.stderr)",
      "if __name__ == '__main__': print('ünïcode 🙂')",
    ].join('\n')
    expect(await runProgram({ language: 'python', source })).toEqual({
      kind: 'finished',
      output: "[('a', 3)] 10 b-b\n66ddcd97cfdeabb2f6fb8a999b4bc76f\nünïcode 🙂\n",
    })
  })

  test('that raises ends with what was raised last', async () => {
    const outcome = await runProgram({ language: 'python', source: 'assert 1 + 1 == 3, "no"' })
    expect(outcome).toMatchObject({ kind: 'raised', error: 'AssertionError: no' })
    expect(outcome.output).toContain('line 1, in <module>')
  })

  test('that cannot be read is told from one that is wrong', async () => {
    const outcome = await runProgram({ language: 'python', source: 'def f(:\n' })
    expect(outcome).toMatchObject({ kind: 'raised', error: expect.stringContaining('SyntaxError') })
  })

  test('finds nothing of the one before', async () => {
    const { kind } = await runProgram({ language: 'python', source: 'import builtins; builtins.left = left = 1' })
    expect(kind).toBe('finished')
    const after = await runProgram({ language: 'python', source: 'print(left)' })
    expect(after).toMatchObject({ kind: 'raised', error: "NameError: name 'left' is not defined" })
  })

  test('has the order of sets in common with every other run', async () => {
    const source = "print({str(n) for n in range(50)}, hash('x'))"
    expect(await runProgram({ language: 'python', source })).toEqual(await runProgram({ language: 'python', source }))
  })
})

describe('a program in JavaScript', () => {
  test('runs to its end, with what it left to be done', async () => {
    const source = "Promise.resolve(2).then((two) => console.log(two)); console.log('one', [1, 2]); await 0"
    expect(await runProgram({ language: 'javascript', source })).toEqual({ kind: 'finished', output: 'one 1,2\n2\n' })
  })

  test('that throws ends with what was thrown', async () => {
    const outcome = await runProgram({ language: 'javascript', source: "console.log(1); throw new TypeError('no')" })
    expect(outcome).toEqual({ kind: 'raised', error: 'TypeError: no', output: '1\n' })
  })

  test('may have types', async () => {
    const source =
      'enum Size { Small = 2 }\nconst f = (n: number): number => n * Size.Small\nconsole.log(f(3) satisfies number)'
    expect(await runProgram({ language: 'typescript', source })).toEqual({ kind: 'finished', output: '6\n' })
    const torn = await runProgram({ language: 'typescript', source: 'const f = (n: number => 1' })
    expect(torn).toMatchObject({ kind: 'raised', error: expect.stringContaining('SyntaxError') })
  })
})

test('a limit may be set, and output until then is kept', async () => {
  const program = { language: 'python', source: "while True: print('12345678')" } as const
  const { kind, output } = await runProgram(program, { limits: { output: 100 } })
  expect([kind, output.length]).toEqual(['exceeded', 100])
})

test('who asks may stop it', async () => {
  const controller = new AbortController()
  const running = runProgram(
    { language: 'javascript', source: 'for (;;) {}' },
    { limits: { seconds: 1000 }, signal: controller.signal },
  )
  controller.abort()
  await expect(running).rejects.toMatchObject({ code: 'aborted' })
})

test('the memory that Python starts from lies in a file of its own', async () => {
  const { modules } = await findInterpreter('python')
  expect(modules.interpreter === 'python' && existsSync(modules.snapshot)).toBe(true)
})
