/** How TypeDoc's pages are laid out here: where each lies, what the menu holds, and what is changed in the markup. */
import path from 'node:path'
import {
  BaseRouter,
  DefaultTheme,
  DefaultThemeRenderContext,
  JSX,
  PageKind,
  ReflectionKind,
  type DocumentReflection,
  type NavigationElement,
  type PageDefinition,
  type PageEvent,
  type ProjectReflection,
  type Reflection,
} from 'typedoc'
import { addressOf, chapters } from './contents.ts'
import { finishPage } from './markup.ts'
import { root } from './root.ts'

/** The file in the repository that a page was written in. */
function fileOf(project: ProjectReflection, document: Reflection): string {
  const file = project.files.getReflectionPath(document)
  if (file === undefined) throw new Error(`The page "${document.name}" comes from no file.`)
  return path.relative(root, file).split(path.sep).join('/')
}

/** Pages lie as their files do, and the reference below `api` as its names are imported. */
export class SiteRouter extends BaseRouter {
  /** Who asks for the project gets the home page; a second list of the entry points would say nothing more than the menu. */
  override buildPages(project: ProjectReflection): PageDefinition[] {
    const pages = super.buildPages(project)
    const home = pages.find(({ kind }) => kind === PageKind.Index)
    if (home === undefined) throw new Error('The site has no home page.')
    this.fullUrls.set(project, home.url)
    return pages.filter(({ model, kind }) => model !== project || kind === PageKind.Index)
  }

  protected getIdealBaseName(reflection: Reflection): string {
    if (reflection.isDocument()) return addressOf(fileOf(reflection.project, reflection))
    const names: string[] = []
    for (let at = reflection; !at.isProject() && at.parent !== undefined; at = at.parent) names.unshift(at.name)
    return ['api', ...names].join('/')
  }
}

class SiteContext extends DefaultThemeRenderContext {
  /** The menu says where a page is; only the reference is deeper. */
  override breadcrumbs = (reflection: Reflection): JSX.Element => {
    if (reflection.isDocument()) return JSX.createElement(JSX.Fragment, null)
    const line: Reflection[] = []
    for (let at = reflection; !at.isProject() && at.parent !== undefined; at = at.parent) line.unshift(at)
    const links = line.map((at) => {
      const href = this.urlTo(at) ?? ''
      const link = at === reflection ? { href, 'aria-current': 'page' as const } : { href }
      return JSX.createElement('li', null, JSX.createElement('a', link, at.name))
    })
    return JSX.createElement('ul', { class: 'tsd-breadcrumb', 'aria-label': 'Breadcrumb' }, ...links)
  }
}

export class SiteTheme extends DefaultTheme {
  override ContextClass = SiteContext

  override render(page: PageEvent): string {
    return finishPage(super.render(page), page.url)
  }

  /** Entries either lead somewhere or open: a link within what opens cannot be reached by everybody. */
  override buildNavigation(project: ProjectReflection): NavigationElement[] {
    const documents = new Map((project.documents ?? []).map((document) => [fileOf(project, document), document]))
    const pageEntry = (file: string): NavigationElement[] => {
      const document = documents.get(file)
      return document === undefined ? [] : [this.#entry(document)]
    }
    return [
      { text: 'Home', path: 'index.html' },
      { text: 'What is supported', path: 'index.html#what-is-supported' },
      { text: 'Speed', path: 'index.html#speed' },
      ...chapters.map(({ title, files }) => ({ text: title, children: files.flatMap(pageEntry) })),
      {
        text: 'API reference',
        children: (project.children ?? []).map((entryPoint) => ({
          text: entryPoint.name,
          kind: ReflectionKind.Module,
          children: [
            { text: 'Overview', path: this.router.getFullUrl(entryPoint) },
            ...(entryPoint.children ?? []).map((child) => this.#entry(child)),
          ],
        })),
      },
    ]
  }

  #entry(reflection: DocumentReflection | NonNullable<ProjectReflection['children']>[number]): NavigationElement {
    return {
      text: reflection.name,
      path: this.router.getFullUrl(reflection),
      kind: reflection.kind,
      class: this.getReflectionClasses(reflection),
    }
  }
}
