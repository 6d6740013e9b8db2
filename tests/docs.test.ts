/**
 * The pages say what is true of this checkout: links lead somewhere, code type-checks against the sources, commands and
 * their options exist.
 */
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = globSync(['*.md', '{docs,models,recipes,tests,apps,examples}/**/*.md'], { cwd: root })
  .filter((page) => !/node_modules|\/dist\//.test(page))
  .sort()

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

/** The output of a script in this Node, whatever its exit code. */
function output(script: string, ...parameters: string[]): Promise<string> {
  return new Promise((done) => {
    execFile(process.execPath, [join(root, script), ...parameters], { cwd: root }, (_, stdout, stderr) => {
      done(stdout + stderr)
    })
  })
}

interface Fence {
  readonly language: string
  readonly code: string
}

function fencesOf(markdown: string): Fence[] {
  return Array.from(markdown.matchAll(/^```([a-z]*)\n([\s\S]*?)^```$/gm), ([, language = '', code = '']) => ({
    language,
    code,
  }))
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

/** Targets of links and pictures that stay in the repository. */
function linksOf(markdown: string): string[] {
  const prose = withoutFences(markdown).replaceAll(/`[^`\n]*`/g, 'code')
  const links = Array.from(prose.matchAll(/\]\(<?([^)\s>]+)/g), ([, target = '']) => target)
  return links.filter((target) => !/^[a-z]+:/.test(target))
}

/** Anchors of headings, as GitHub writes them. */
function anchorsOf(markdown: string): string[] {
  return Array.from(withoutFences(markdown).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function brokenLinks(page: string, markdown: string): string[] {
  return linksOf(markdown).filter((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && !anchorsOf(path === '' ? markdown : read(target)).includes(anchor)
  })
}

describe('links between pages', () => {
  it('are looked at on every page', () => {
    expect(pages).toEqual(expect.arrayContaining(['ARCHITECTURE.md', 'README.md', 'docs/log.md', 'docs/guide/chat.md']))
    expect(pages.flatMap((page) => linksOf(read(page))).length).toBeGreaterThan(10)
  })

  it.each(pages)('lead to what is there: %s', (page) => {
    expect(brokenLinks(page, read(page))).toEqual([])
  })

  it('are found to be broken', () => {
    const markdown = '# A b, `c`\n[x](no.md) ![y](chat.md) [z](#a-b-c) [w](#d) [v](http://x) `[u](t)`\n'
    expect(brokenLinks('docs/guide/info.md', markdown)).toEqual(['no.md', '#d'])
  })
})

/** What the examples take for granted. */
const ambient = `
declare const tokenizerJsonText: string
declare const tokenizerConfigText: string
declare const cl100kText: string
declare const chatTemplateText: string
declare const userInput: string
declare const texts: string[]
declare const text: string
declare const generated: AsyncIterable<number>
declare function show(text: string): void
declare const output: HTMLElement
declare const backend: import('pocket-phi').Backend
declare const signal: AbortSignal
declare function onProgress(progress: unknown): void
`

/** All examples of a page as one module: later ones use what earlier ones named. */
function moduleOf(page: string, markdown: string): string {
  const imports = new Map<string, Set<string>>()
  const bodies = fencesOf(markdown)
    .filter(({ language }) => language === 'ts')
    .map(({ code }) =>
      code.replaceAll(/^import \{ ([^}]+) \} from '([^']+)'$/gm, (_, names: string, from: string) => {
        const target = from.startsWith('.') ? resolve(root, dirname(page), from) : from
        const known = imports.get(target) ?? new Set()
        for (const name of names.split(', ')) known.add(name)
        imports.set(target, known)
        return ''
      }),
    )
  const lines = [...imports].map(([from, names]) => `import { ${[...names].join(', ')} } from '${from}'`)
  return [...lines, ...bodies, 'export {}', ''].join('\n')
}

async function typeErrors(examples: ReadonlyMap<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pocket-phi-docs-'))
  try {
    const options = {
      rootDir: '/',
      noUnusedLocals: false,
      rewriteRelativeImportExtensions: false,
      typeRoots: [join(root, 'node_modules/@types')],
      paths: {
        'pocket-phi': [join(root, 'src/index.ts')],
        'pocket-phi/hub': [join(root, 'src/hub/index.ts')],
        'pocket-phi/openai': [join(root, 'src/openai/index.ts')],
        'pocket-phi/tune': [join(root, 'src/tune/index.ts')],
        'pocket-phi/worker': [join(root, 'src/worker/index.ts')],
        'pocket-phi/worker/serve': [join(root, 'src/worker/serve.ts')],
      },
    }
    const project = { extends: join(root, 'tsconfig.json'), compilerOptions: options, include: ['*.ts'], exclude: [] }
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project))
    await writeFile(join(folder, 'ambient.d.ts'), ambient)
    for (const [page, markdown] of examples) {
      await writeFile(join(folder, `${page.replaceAll(/[/.]/g, '-')}.ts`), moduleOf(page, markdown))
    }
    const report = await output('node_modules/typescript/bin/tsc', '-p', folder, '--pretty', 'false')
    return report.split('\n').filter((line) => line.trim() !== '')
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('examples in TypeScript', () => {
  it('type-check against the sources, in the README and the guide', async () => {
    const examples = new Map(
      pages.filter((page) => page === 'README.md' || page.startsWith('docs/guide/')).map((page) => [page, read(page)]),
    )
    const count = [...examples.values()].flatMap(fencesOf).filter(({ language }) => language === 'ts').length
    expect(count).toBeGreaterThan(8)
    const wrong = "```ts\nimport { noSuchExport } from 'pocket-phi'\n```\n```ts\nconst x: number = userInput\n```\n"
    examples.set('wrong.md', wrong)
    const errors = await typeErrors(examples)
    // Only what is wrong on purpose is found, so the compiler did look.
    expect(errors.filter((line) => !line.includes('wrong-md.ts'))).toEqual([])
    expect(errors.map((line) => /error (TS\d+)/.exec(line)?.[1])).toEqual(['TS2305', 'TS2322'])
  })
})

interface Call {
  readonly page: string
  readonly command: string
  readonly options: readonly string[]
}

/** Calls of `phi` in code: in a line of a shell example with their options, in prose as `phi chat`. */
function callsOf(page: string, markdown: string): Call[] {
  const lines = fencesOf(markdown)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .map((line) => line.replace(/\s#\s.*/, ''))
  const spans = Array.from(withoutFences(markdown).matchAll(/`([^`\n]+)`/g), ([, code = '']) => code)
  return [...lines, ...spans].flatMap((code) => {
    const match = /(?:^|[|;&] *|npx )phi ([a-z][a-z-]*)(.*)/.exec(code)
    if (match === null) return []
    const options = (match[2] ?? '').replaceAll(/"[^"]*"/g, '').match(/--[a-z][a-z-]*/g) ?? []
    return [{ page, command: match[1] ?? '', options }]
  })
}

/** Recipes that texts of the program name. */
function recipesIn(text: string): string[] {
  return text.match(/recipes\/[\w./-]+\.yaml/g) ?? []
}

describe('recipes in the help of commands', () => {
  it('are there', () => {
    const named = globSync('src/cli/*.ts', { cwd: root }).flatMap((file) => recipesIn(read(file)))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((recipe) => !existsSync(join(root, recipe)))).toEqual([])
  })
})

describe('commands in the pages', () => {
  const help = new Map<string, string>()
  const calls = pages.flatMap((page) => callsOf(page, read(page)))

  beforeAll(async () => {
    const namesIn = (text: string): string[] =>
      Array.from(text.matchAll(/^ {2}([a-z][a-z-]*) .*\[options\]/gm), ([, name = '']) => name)
    const all = await output('src/cli/main.ts', '--help')
    for (const name of namesIn(all)) {
      const own = await output('src/cli/main.ts', name, '--help')
      // What a command consists of counts as its own.
      const parts = namesIn(own).map((part) => output('src/cli/main.ts', name, part, '--help'))
      help.set(name, [own, ...(await Promise.all(parts))].join('\n'))
    }
  })

  it('exist', () => {
    expect(calls.length).toBeGreaterThan(20)
    expect(calls.filter(({ command }) => !help.has(command))).toEqual([])
  })

  it('have the options that are given there', () => {
    expect(calls.flatMap(({ options }) => options).length).toBeGreaterThan(10)
    const unknown = calls.filter(({ command, options }) =>
      options.some((option) => !new RegExp(`${option}(?![a-z-])`).test(help.get(command) ?? '')),
    )
    expect(unknown).toEqual([])
  })
})
