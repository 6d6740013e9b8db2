/** The pages of the repository and the reference of the public entry points, by TypeDoc. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  Application,
  Converter,
  LogLevel,
  TypeScript as ts,
  type DocumentationEntryPoint,
  type DocumentReflection,
  type NormalizedPath,
} from 'typedoc'
import { publicEntries } from '@pocket-phi/web/build/plugins'
import { chapters } from './contents.ts'
import { root } from './root.ts'
import { SiteRouter, SiteTheme } from './theme.ts'

/** The first heading of a page, without its marks. */
function titleOf(file: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1]
  if (heading === undefined) throw new Error(`${file} has no heading.`)
  return heading.replaceAll('`', '')
}

/** The entry points, read with the options of the repository. Whether types are right is checked elsewhere. */
async function entryPoints(): Promise<DocumentationEntryPoint[]> {
  const config = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file))
  const { options } = ts.parseJsonConfigFileContent(config.config, { ...ts.sys, readDirectory: () => [] }, root)
  const entries = await publicEntries()
  const program = ts.createProgram(
    entries.map(({ source }) => source),
    options,
  )
  return entries.map(({ name, source }) => {
    const sourceFile = program.getSourceFile(source)
    if (sourceFile === undefined) throw new Error(`The entry point ${name} has no source ${source}.`)
    return { displayName: name, program, sourceFile }
  })
}

function registerDocument(document: DocumentReflection): void {
  const { files } = document.project
  const file = files.getReflectionPath(document)
  if (file === undefined) return
  document.name = titleOf(file)
  // Who is sent to the folder of the guide begins with its first page.
  if (file === path.join(root, chapters[0]?.files[0] ?? '')) {
    files.registerReflectionPath(path.dirname(file) as NormalizedPath, document)
  }
}

/**
 * Writes all pages but the playground's script into a folder, which is emptied.
 *
 * @throws Error for links and `{@link}`s that lead nowhere, for types that a public one names without being public, and for public names
 * without a docstring
 */
export async function writePages(folder: string): Promise<void> {
  const application = await Application.bootstrap({
    name: 'Pocket Phi',
    readme: path.join(root, 'README.md'),
    projectDocuments: chapters.flatMap(({ files }) => files.map((file) => path.join(root, file))),
    basePath: root,
    disableGit: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    includeVersion: false,
    includeHierarchySummary: false,
    hideGenerator: true,
    sort: ['kind', 'alphabetical'],
    headings: { readme: false, document: false },
    highlightLanguages: ['typescript', 'javascript', 'json', 'yaml', 'bash', 'html', 'python', 'toml'],
    searchInDocuments: true,
    searchInComments: true,
    customCss: path.join(root, 'apps', 'site', 'build', 'site.css'),
    theme: 'default',
    logLevel: LogLevel.Warn,
    validation: { invalidPath: true, invalidLink: true, notExported: true, notDocumented: true },
    requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Variable', 'Function', 'Accessor'],
    plugin: [],
  })
  application.renderer.defineRouter('site', SiteRouter)
  application.renderer.defineTheme('site', SiteTheme)
  application.options.setValue('router', 'site')
  application.options.setValue('theme', 'site')
  application.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => registerDocument(document))
  const project = application.converter.convert(await entryPoints())
  application.validate(project)
  await application.generateDocs(project, folder)
  const faults = application.logger.errorCount + application.logger.warningCount
  if (faults > 0) throw new Error(`The pages have ${faults} faults, which are listed above.`)
}
