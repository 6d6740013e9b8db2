/** Figures in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). */

export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string | number>>

function spelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** The lines of one figure. */
export function figure(
  kind: 'counter' | 'gauge' | 'histogram',
  name: string,
  help: string,
  samples: readonly string[],
): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples, ''].join('\n')
}

/** One value of a figure. */
export function sample(name: string, value: number, labels: Labels = {}): string {
  return `${name}${spelled(labels)} ${value}`
}

/** Counts by labels. */
export class Counts {
  readonly #name: string
  readonly #help: string
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  add(labels: Labels): void {
    const key = spelled(labels)
    const count = this.#counts.get(key) ?? { labels, value: 0 }
    count.value += 1
    this.#counts.set(key, count)
  }

  text(): string {
    const samples = [...this.#counts.values()].map(({ labels, value }) => sample(this.#name, value, labels))
    return figure('counter', this.#name, this.#help, samples)
  }
}

/** How often something took how long. */
export class Histogram {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  /** @param bounds upper ends of the classes, ascending */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.#sum += value
    this.#count += 1
    this.#bounds.forEach((bound, at) => {
      if (value <= bound) this.#counts[at] = (this.#counts[at] ?? 0) + 1
    })
  }

  text(): string {
    const name = this.#name
    const classes = this.#bounds.map((le, at) => sample(`${name}_bucket`, this.#counts[at] ?? 0, { le }))
    const all = sample(`${name}_bucket`, this.#count, { le: '+Inf' })
    const ends = [sample(`${name}_sum`, this.#sum), sample(`${name}_count`, this.#count)]
    return figure('histogram', name, this.#help, [...classes, all, ...ends])
  }
}
