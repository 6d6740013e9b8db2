import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

beforeEach(async () => {
  // Inside the repository, so that the files find vitest.
  folder = await mkdtemp(path.join(root, 'node_modules', '.reporter-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Runs files with nothing but our reporter: the last line, and the exit code. */
async function run(files: Record<string, string>): Promise<{ line: string | undefined; code: number }> {
  for (const [name, body] of Object.entries(files)) {
    const source = `import { afterAll, beforeAll, describe, expect, it } from 'vitest'\n${body}\n`
    await writeFile(path.join(folder, `${name}.case.ts`), source)
  }
  const reporter = path.join(root, 'tests', 'reporter.ts')
  await writeFile(
    path.join(folder, 'vitest.config.ts'),
    `export default { test: { include: ['*.case.ts'], exclude: [], maxWorkers: 1, reporters: [${JSON.stringify(reporter)}] } }`,
  )
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  return new Promise((resolve) => {
    execFile(process.execPath, [vitest, 'run', '--root', folder], { cwd: folder }, (error, stdout) => {
      resolve({ line: stdout.trimEnd().split('\n').at(-1), code: typeof error?.code === 'number' ? error.code : 0 })
    })
  })
}

const passes = `it('passes', () => { expect(1).toBe(1) })`
const fails = `it('fails', () => { expect(1).toBe(2) })`

it('counts what passed', async () => {
  expect(await run({ a: passes, b: `describe('x', () => { ${passes} })` })).toEqual({
    line: '2 passed, 0 failed',
    code: 0,
  })
})

it('counts failures and what was skipped', async () => {
  expect(await run({ a: `${passes}\n${fails}\nit.skip('skipped', () => {})\nit.todo('later')` })).toEqual({
    line: '1 passed, 1 failed, 2 skipped',
    code: 1,
  })
})

it('counts a file that does not load', async () => {
  expect(await run({ a: passes, b: `throw new Error('broken')` })).toEqual({ line: '1 passed, 1 failed', code: 1 })
})

it('counts a suite whose hook throws', async () => {
  const suite = `describe('x', () => { afterAll(() => { throw new Error('hook') }); ${passes} })`
  expect(await run({ a: suite })).toEqual({ line: '1 passed, 1 failed', code: 1 })
})

it('counts an error that no test caught', async () => {
  expect(await run({ a: `${passes}\nvoid Promise.reject(new Error('nobody'))` })).toEqual({
    line: '1 passed, 1 failed',
    code: 1,
  })
})

it('counts a process that dies', async () => {
  const result = await run({ a: passes, b: `it('dies', () => { process.kill(process.pid, 'SIGKILL') })` })
  expect(result.code).toBe(1)
  expect(result.line).toMatch(/^1 passed, [1-9]\d* failed$/)
})

it('does not pass a run without tests', async () => {
  expect(await run({})).toEqual({ line: '0 passed, 1 failed', code: 1 })
})
