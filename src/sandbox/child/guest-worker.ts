/**
 * The process of one program: reads a request, shuts all doors, starts the interpreter, says so, runs the program and says how it
 * ended, a line of JSON each. Imports nothing but files of this folder, as no other may be read.
 */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import type { Ending, GuestRequest, Outcome } from '../types.ts'
import { shutDoors } from './doors.ts'
import { endingOf, Printed } from './ends.ts'
import { startJavaScript } from './javascript.ts'
import { startPython } from './python.ts'
import { say } from './say.ts'

async function startInterpreter(
  { modules, limits }: GuestRequest,
  printed: Printed,
): Promise<(source: string) => Ending> {
  return modules.interpreter === 'python'
    ? await startPython(modules, limits, printed)
    : await startJavaScript(modules, limits, printed)
}

/** What the interpreter gets: TypeScript without its types. */
function sourceFor({ program }: GuestRequest): string {
  return program.language === 'typescript'
    ? stripTypeScriptTypes(program.source, { mode: 'transform' })
    : program.source
}

async function runGuest(request: GuestRequest, onStart: () => Promise<void>): Promise<Outcome> {
  const printed = new Printed(request.limits.output)
  const run = await startInterpreter(request, printed)
  await onStart()
  let ending: Ending
  try {
    ending = run(sourceFor(request))
  } catch (error) {
    ending = error instanceof SyntaxError ? { kind: 'raised', error: String(error) } : endingOf(error)
  }
  return { ...ending, output: String(printed) }
}

const sayLine = (line: object): Promise<void> => say(`${JSON.stringify(line)}\n`)
const request = JSON.parse(readFileSync(0, 'utf8')) as GuestRequest
// Interpreters take what is left for arguments.
process.argv.length = 1
shutDoors()
await sayLine(await runGuest(request, () => sayLine({ started: true })))
process.exit(0)
