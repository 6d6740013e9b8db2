/** What is told where an interpreter is not installed: asked of a copy of these sources in a folder of its own. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocket-phi-interpreters-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  for (const room of ['base', 'sandbox']) {
    await cp(join(import.meta.dirname, '..', room), join(folder, 'src', room), { recursive: true })
  }
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function complaintAbout(language: string): Promise<string> {
  const source = `import { findInterpreter } from './src/sandbox/interpreters.ts'
await findInterpreter('${language}').catch((error) => console.log(error.code, error.message))`
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '--eval', source], { cwd: folder }, (error, out) =>
      error === null ? resolve(out) : reject(error),
    )
  })
}

test('the packages are named with their versions', async () => {
  expect(await complaintAbout('python')).toBe(
    'not-supported Programs in python run in the package "pyodide". Expected its version 314.0.7. Found no such package. ' +
      'Install it: npm install pyodide@314.0.7\n',
  )
  expect(await complaintAbout('typescript')).toContain(
    'npm install quickjs-emscripten-core@0.32.0 @jitl/quickjs-ng-wasmfile-release-sync@0.32.0',
  )
})

test('another version is refused, since the rules were written for this one', async () => {
  const place = join(folder, 'node_modules', 'pyodide')
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'package.json'), '{"name":"pyodide","version":"315.0.0","main":"pyodide.js"}')
  await writeFile(join(place, 'pyodide.js'), '')
  expect(await complaintAbout('python')).toContain('Expected its version 314.0.7. Found version 315.0.0.')
})
