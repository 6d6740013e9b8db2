/** The second wall alone: what code gets that is out of its interpreter and runs in the process of a program. */
import { execFile } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { permissions } from '../processes.ts'

const doors = new URL('doors.ts', import.meta.url).href

/** The names of the attacks that were refused, and what was said. */
let told: Readonly<Record<string, string>> = {}

const attacks: Readonly<Record<string, string>> = {
  'read a file': "(await import('node:fs')).readFileSync('/etc/passwd')",
  'read a file of the project': `(await import('node:fs')).readFileSync(${JSON.stringify(import.meta.filename.replace('sandbox', 'index'))})`,
  'list a folder': "(await import('node:fs')).readdirSync('/')",
  'write a file': `(await import('node:fs')).writeFileSync(${JSON.stringify(`${import.meta.dirname}/x`)}, 'x')`,
  'start a process': "(await import('node:child_process')).execSync('ls')",
  'start a thread': "new (await import('node:worker_threads')).Worker('1', { eval: true })",
  'load native code': "process.dlopen({ exports: {} }, '/x.node')",
  'ask for a binding': "process.binding('tcp_wrap').TCP.name",
  'ask for a module': "process.getBuiltinModule('net')",
  'run a text': "(0, eval)('1')",
  'run a text by a constructor': "(() => {}).constructor('return 1')()",
  'signal a process': 'process.kill(process.ppid, 0)',
  connect: "(await import('node:net')).connect(80, '127.0.0.1')",
  'connect by a class': "new (await import('node:net')).Socket().connect({ path: '/x' })",
  'connect with TLS': "(await import('node:tls')).connect(443, '127.0.0.1')",
  'ask by HTTP': "(await import('node:http')).get('http://127.0.0.1/')",
  'ask by HTTP 2': "(await import('node:http2')).connect('http://127.0.0.1/')",
  listen: "(await import('node:net')).createServer().listen(0)",
  'send a datagram': "(await import('node:dgram')).createSocket('udp4').send('x', 9, '127.0.0.1')",
  'ask for a name': "(await import('node:dns')).lookup('localhost', () => {})",
  'ask for a name by a promise': "await (await import('node:dns/promises')).resolve('localhost')",
  'ask for a name by a resolver': "new (await import('node:dns')).Resolver().resolve4('localhost', () => {})",
  fetch: "await fetch('http://127.0.0.1/')",
  'open a socket of the web': "new WebSocket('ws://127.0.0.1/')",
  inspect: "(await import('node:inspector')).open()",
  'run WASI': "new (await import('node:wasi')).WASI({ version: 'preview1' })",
}

beforeAll(async () => {
  const tries = Object.entries(attacks).map(
    ([name, code]) =>
      `try { ${code}; told[${JSON.stringify(name)}] = 'done' } catch (e) { told[${JSON.stringify(name)}] = (e.code ?? '') + ' ' + e.message }`,
  )
  const source = [
    `import { shutDoors } from ${JSON.stringify(doors)}`,
    'shutDoors()',
    'const told = {}',
    "process.on('uncaughtException', () => {})",
    ...tries,
    'process.stdout.write(JSON.stringify(told), () => process.exit(0))',
  ].join('\n')
  told = await new Promise((resolve, reject) => {
    const flags = [...permissions([]), '--input-type=module', '--eval', source]
    execFile(process.execPath, flags, { env: {} }, (error, out, complaint) => {
      if (out === '') reject(new Error(complaint, { cause: error }))
      else resolve(JSON.parse(out) as Record<string, string>)
    })
  })
})

test.each(Object.keys(attacks))('it cannot %s', (name) => {
  expect(told[name]).toMatch(
    /ERR_ACCESS_DENIED|Nothing leaves the sandbox|Code generation from strings disallowed|is not a (function|constructor)|undefined/,
  )
})

test('a process with other permissions is refused', async () => {
  const source = `import { shutDoors } from ${JSON.stringify(doors)}\nshutDoors()`
  const complaintOf = (...flags: readonly string[]): Promise<string> =>
    new Promise((resolve) => {
      execFile(process.execPath, [...flags, '--input-type=module', '--eval', source], (_, __, complaint) =>
        resolve(complaint),
      )
    })
  expect(await complaintOf()).toContain('The permissions of Node are not closed: there are none.')
  expect(await complaintOf(...permissions([]), '--allow-child-process')).toContain('not closed: child.')
})
