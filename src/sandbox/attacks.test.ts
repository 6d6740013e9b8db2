/** What programs that mean harm get: each is refused or stopped, and the caller is told how. */
import { beforeAll, describe, expect, test } from 'vitest'
import { runProgram } from './run.ts'
import type { Language } from './types.ts'

const run = (language: Language, source: string, seconds = 5) =>
  runProgram({ language, source }, { limits: { seconds, memory: 96, output: 2000 } })

const raised = (error: string) => ({ kind: 'raised', error: expect.stringContaining(error) })
const refused = (request: string) => ({ kind: 'refused', request })
const exceeded = (limit: string) => ({ kind: 'exceeded', limit })
const endless = exceeded('seconds')
const denied = 'Operation not permitted'

describe('Python', () => {
  /** What a program can handle, and what it is told: one program tries all of them. */
  const turnedDown: Readonly<Record<string, readonly [source: string, error: string]>> = {
    'reads a file of the machine': ["open('/etc/passwd').read()", denied],
    'reads a file of the project': [`open(${JSON.stringify(import.meta.filename)}).read()`, denied],
    'reads by a path out of its library': ["open('/lib/python314.zip/../../etc/passwd')", denied],
    'reads what a system tells of processes': ["open('/proc/self/environ').read()", denied],
    'lists a folder': ["import os; os.listdir('/')", denied],
    'writes a file': ["open('/tmp/pocket-phi', 'w').write('x')", denied],
    'writes into its library': ["open('/lib/python3.14/os.py', 'w')", denied],
    'makes a folder': ["import os; os.mkdir('/tmp/pocket-phi')", denied],
    'removes a file': ["import os; os.remove('/lib/python314.zip')", denied],
    'writes through a number': ["import os; os.write(3, b'x')", 'Bad file descriptor'],
    'opens a socket': ["import socket; socket.create_server(('127.0.0.1', 0))", denied],
    'starts a process': ["import subprocess; subprocess.run(['ls'])", 'does not support processes'],
    'forks for ever': ['import os\nwhile True: os.fork()', 'Function not implemented'],
    'starts threads for ever': [
      'import threading\nwhile True: threading.Thread(target=print).start()',
      "can't start new thread",
    ],
    'signals another process': ['import os; os.kill(1, 9)', denied],
    'leaves before its tests': ['raise SystemExit(0)', 'SystemExit'],
    'calls itself for ever': ['f = lambda: f()\nf()', 'RecursionError'],
    'takes all memory': ['x = []\nwhile True: x.append(bytearray(10 ** 6))', 'MemoryError'],
    'takes more memory at once than there is': ['bytearray(2_130_000_000)', 'MemoryError'],
    'asks who is there': ['input()', 'EOFError'],
  }
  let told: Readonly<Record<string, string>> = {}

  beforeAll(async () => {
    const sources = Object.fromEntries(Object.entries(turnedDown).map(([name, [source]]) => [name, source]))
    const program = [
      'import json',
      'told = {}',
      `for name, source in json.loads(${JSON.stringify(JSON.stringify(sources))}).items():`,
      '  try:',
      "    exec(source, {'__name__': '__main__'})",
      "    told[name] = 'done'",
      '  except BaseException as error:',
      "    told[name] = f'{type(error).__name__}: {error}'",
      'print(json.dumps(told))',
    ].join('\n')
    const { output } = await runProgram({ language: 'python', source: program }, { limits: { memory: 96 } })
    told = JSON.parse(output) as Record<string, string>
  })

  test.each(Object.entries(turnedDown))('%s', (name, [, error]) => {
    expect(told[name]).toContain(error)
  })

  test.each([
    ['asks for a name', "import socket; socket.getaddrinfo('localhost', 80)", refused('getaddrinfo')],
    ['fetches', "import urllib.request as r; r.urlopen('http://127.0.0.1/')", refused('getaddrinfo')],
    ['starts a shell', "import os; os.system('ls')", refused('_emscripten_system')],
    ['signals itself', 'import os; os.kill(os.getpid(), 9)', refused('_emscripten_runtime_keepalive_clear')],
    ['aborts', 'import os; os.abort()', refused('_abort_js')],
    ['ends the process as if all were well', 'import os; os._exit(0)', { kind: 'exited', status: 0 }],
    ['reaches for JavaScript', 'import js; js.process', refused('JsProxy_GetAttr_js')],
    ['runs JavaScript', "from pyodide.code import run_js; run_js('1')", refused('JsProxy_GetAttr_js')],
    ['climbs from an object of JavaScript', 'import pyodide_js; pyodide_js.constructor', refused('JsProxy_GetAttr_js')],
    ['hands an object to JavaScript', 'from pyodide.ffi import to_js; to_js([1])', refused('JsvArray_New')],
    ['calls functions by their address', 'import ctypes', refused('ffi_closure_alloc_js')],
    ['loads a library', "import _ctypes; _ctypes.dlopen('/lib/python314.zip', 0)", { kind: 'refused' }],
    [
      'leaves a timer',
      'import asyncio; asyncio.get_event_loop().call_later(0, print)',
      refused('create_once_callable'),
    ],
    ['runs for ever whatever is raised', 'while True:\n try: open("/x")\n except BaseException: pass', endless],
    ['sleeps', 'import time; time.sleep(1000)', endless],
    ['computes without end in one step', '10 ** 10 ** 9', endless],
    [
      'calls itself without a limit',
      'import sys; sys.setrecursionlimit(10 ** 9)\nf = lambda: f()\nf()',
      exceeded('stack'),
    ],
    ['nests without end', 'x = []\nfor _ in range(10 ** 6): x = [x]\nrepr(x)', exceeded('stack')],
    [
      'prints without end whatever is raised',
      "while True:\n try: print('x' * 100)\n except BaseException: pass",
      exceeded('output'),
    ],
    ['raises something huge', "raise ValueError('x' * 10 ** 6)", exceeded('output')],
    ['hides its rest behind a zero', 'print(1)\n\0raise', raised('null bytes')],
  ])('%s', async (_, source, ending) => {
    expect(await run('python', source, ending === endless ? 1 : undefined)).toMatchObject(ending)
  })

  test('sees none of our variables', async () => {
    process.env['POCKET_PHI_SECRET'] = 'told to nobody'
    const { output } = await run('python', 'import os; print(sorted(os.environ))')
    expect(output).toContain('HOME')
    expect(output).not.toContain('POCKET_PHI')
  })

  test('says of itself what it likes, and is not believed', async () => {
    const said = JSON.stringify({ kind: 'finished', output: 'all well' })
    const outcome = await run('python', `print(${JSON.stringify(said)}, flush=True)\nassert False, 'wrong'`)
    expect(outcome).toMatchObject({ kind: 'raised', error: 'AssertionError: wrong' })
    expect(outcome.output).toContain(said)
  })

  test('can do nothing more once it was refused something', async () => {
    const source = "import os\ntry: os.system('ls')\nfinally: print('still here', flush=True)"
    expect(await run('python', source)).toEqual({ ...refused('_emscripten_system'), output: '' })
  })
})

describe('JavaScript', () => {
  test.each([
    ['asks for modules of Node', "require('fs')", raised('require is not defined')],
    ['imports modules of Node', "import { readFileSync } from 'node:fs'", raised('node:fs')],
    ['imports them later', "await import('node:child_process')", raised('node:child_process')],
    ['imports modules of QuickJS', "import * as os from 'os'", raised("'os'")],
    ['imports a file', "await import('file:///etc/passwd')", raised('file:///etc/passwd')],
    ['asks for the process', 'process.env', raised('process is not defined')],
    ['fetches', "await fetch('http://127.0.0.1/')", raised('fetch is not defined')],
    ['leaves a timer', 'setTimeout(() => {}, 0)', raised('setTimeout is not defined')],
    ['starts a thread', "new Worker('x')", raised('Worker is not defined')],
    ['makes machine code', 'new WebAssembly.Module(new Uint8Array())', raised('WebAssembly is not defined')],
    [
      'climbs from a function of the host',
      "console.log.constructor.constructor('return process')()",
      raised('process is not defined'),
    ],
    [
      'climbs from an error of the host',
      "try { console.log(Symbol()) } catch (e) { e.constructor.constructor('return process')() }\nthrow Error('none')",
      raised('none'),
    ],
    [
      'changes what all objects have',
      "Object.prototype.toJSON = () => 'x'; Array.prototype.map = null; console.log({}); throw Error('mine')",
      raised('mine'),
    ],
    ['runs for ever', 'while (true) {}', endless],
    ['runs for ever in what it left to be done', 'for (;;) await 0', endless],
    ['waits for nothing', 'await new Promise(() => {})', raised('waits for what never comes')],
    ['calls itself for ever', 'const f = () => f() + 1; f()', exceeded('stack')],
    ['takes all memory', 'const x = []; while (true) x.push(new Uint8Array(1e6))', exceeded('memory')],
    ['takes all memory in texts', "let x = 'x'; while (true) x += x", raised('string too long')],
    ['prints without end', "while (true) console.log('x'.repeat(100))", exceeded('output')],
    [
      'prints without end whatever is thrown',
      "while (true) try { console.log('x'.repeat(100)) } catch {}",
      exceeded('output'),
    ],
  ])('%s', async (_, source, ending) => {
    expect(await run('javascript', source, ending === endless ? 1 : undefined)).toMatchObject(ending)
  })

  test('raises something huge, of which the beginning is kept', async () => {
    const outcome = await run('javascript', "throw new Error('x'.repeat(1e7))")
    expect(outcome).toMatchObject({ kind: 'raised', error: `Error: ${'x'.repeat(993)}` })
  })

  test('knows no more than its language and how to print', async () => {
    const outcome = await run('javascript', 'console.log(Object.getOwnPropertyNames(globalThis).join(" "))')
    for (const name of ['std', 'os', 'scriptArgs', 'process', 'navigator']) {
      expect(outcome.output.split(/\s/)).not.toContain(name)
    }
  })
})
