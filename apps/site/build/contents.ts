/** What the site consists of beside the home page and the reference: every page of the repository that is for readers, in the order of its menu. */

export interface Chapter {
  readonly title: string
  /** Pages by their paths in the repository. */
  readonly files: readonly string[]
}

function guide(...names: readonly string[]): string[] {
  return names.map((name) => `docs/guide/${name}.md`)
}

export const playgroundFile = 'docs/guide/playground.md'

const decisions = [
  ...['0001-tooling', '0002-hub-downloads', '0003-web-page', '0004-webgpu-package', '0005-pictures'],
  ...[
    '0006-judge-of-schemas',
    '0007-data-pipeline',
    '0008-server',
    '0009-search',
    '0010-sandbox',
    '0011-shared-queues',
  ],
  ...['0012-documentation', '0013-charts'],
]

export const chapters: readonly Chapter[] = [
  {
    title: 'Chat and use',
    files: guide(
      ...['playground', 'chat', 'run', 'web', 'formats', 'search', 'pull', 'gguf', 'info', 'quantize', 'experts'],
      ...['webgpu', 'longrope', 'verify'],
    ),
  },
  {
    title: 'Build an app',
    files: [
      ...guide('library', 'browser', 'embed', 'tokenize', 'architecture'),
      ...['vite', 'plain', 'training'].map((name) => `examples/${name}/README.md`),
    ],
  },
  { title: 'Serve', files: [...guide('serve'), 'examples/balancers/README.md'] },
  {
    title: 'Data and training',
    files: guide('make', 'report', 'data', 'synthesize', 'recipes', 'init', 'train', 'tune', 'export'),
  },
  { title: 'Measure', files: guide('evaluate', 'safety', 'bench') },
  {
    title: 'Experiments',
    files: [
      ...['docs/speed.md', 'docs/longrope.md', 'docs/paper/README.md', 'docs/world.md', 'models/phi-nano/README.md'],
      'bench/labels/README.md',
    ],
  },
  { title: 'How it is made', files: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/log.md', 'CHANGELOG.md'] },
  { title: 'Decisions', files: decisions.map((name) => `docs/decisions/${name}.md`) },
]

/** The address of a page within the site, without its ending: `docs/guide/chat.md` is at `guide/chat`. */
export function addressOf(file: string): string {
  return file
    .replace(/^docs\//, '')
    .replace(/(?:\/README)?\.md$/, '')
    .toLowerCase()
}
