import { PocketPhiError } from '../../../base/errors.ts'
import { plural, withArticle } from '../grammar.ts'

/** What can be known about a thing; wordings are in kinds/things-properties.ts. */
export type PropertyName =
  | 'kind'
  | 'colour'
  | 'size'
  | 'legs'
  | 'eats'
  | 'lives'
  | 'sound'
  | 'young'
  | 'cover'
  | 'can'
  | 'taste'
  | 'origin'
  | 'made'
  | 'use'
  | 'found'
  | 'wornOn'
  | 'wornWhen'
  | 'travels'
  | 'carries'
  | 'power'
  | 'wheels'
  | 'grows'
  | 'blooms'
  | 'does'
  | 'works'
  | 'needs'

export type Category =
  | 'animal'
  | 'food'
  | 'plant'
  | 'tool'
  | 'household'
  | 'toy'
  | 'instrument'
  | 'clothing'
  | 'vehicle'
  | 'nature'
  | 'body part'
  | 'job'

/** count: a dog, dogs. mass: milk. pair: scissors. unique: the sun. */
export type NounForm = 'count' | 'mass' | 'pair' | 'unique'

export interface Thing {
  readonly name: string
  readonly plural: string
  readonly form: NounForm
  readonly category: Category
  readonly values: Readonly<Partial<Record<PropertyName, string>>>
}

/** "a dog", "milk", "scissors", "the sun": how a sentence about the thing in general begins. */
export function generic(thing: Thing): string {
  if (thing.form === 'count') return withArticle(thing.name)
  return thing.form === 'unique' ? `the ${thing.name}` : thing.name
}

const marks: Readonly<Record<string, NounForm>> = { '~': 'mass', '=': 'pair', '^': 'unique' }

/**
 * Reads a table: one thing a line, cells between bars, `-` for a cell that does not apply. The first cell is the name,
 * with `~` for mass nouns, `=` for plural nouns and `^` for unique things.
 */
export function parseThings(category: Category, columns: readonly PropertyName[], table: string): Thing[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [head = '', ...cells] = line.split('|').map((cell) => cell.trim())
      if (cells.length !== columns.length) {
        throw new PocketPhiError('invalid-config', `A row of the ${category} table is torn: "${line}".`, {
          expected: `${columns.length} cells after the name`,
          found: String(cells.length),
        })
      }
      const form = marks[head.charAt(0)] ?? 'count'
      const name = form === 'count' ? head : head.slice(1)
      const values: Partial<Record<PropertyName, string>> = {}
      for (const [index, column] of columns.entries()) {
        const cell = cells[index] ?? '-'
        if (cell !== '-') values[column] = cell
      }
      return { name, plural: form === 'count' ? plural(name) : name, form, category, values }
    })
}
