/** What a run of data made of a synthetic crawl, against what was planted in it. */
import { join } from 'node:path'
import { present } from '../src/base/errors.ts'
import { readDocuments } from '../src/data/pipeline/files.ts'
import { stagesFolder } from '../src/data/pipeline/plan.ts'
import { readRun, type StageRecord } from '../src/data/pipeline/run.ts'
import type { Crawl } from './crawl-archives.ts'
import { damagedClasses, editShares, indexOfUrl, pageClasses, planPage, type PageClass } from './crawl-pages.ts'

/** Stages that have documents. */
const documentStages = ['read', 'text', 'language', 'quality', 'benchmarks', 'duplicates', 'personal', 'education']

export interface Fates {
  /** By class: how many there are, and how many each stage dropped. */
  readonly classes: Readonly<Partial<Record<PageClass, Readonly<Record<string, number>>>>>
  readonly damaged: { readonly planted: number; readonly reported: number; readonly intactPagesLost: number }
  /** By class, of those that came to the stage together with their originals. */
  readonly duplicates: Readonly<Record<string, { readonly compared: number; readonly found: number }>>
  readonly falseDuplicates: number
  readonly questions: { readonly compared: number; readonly found: number; readonly falselyFound: number }
  readonly languages: { readonly foreign: number; readonly dropped: number; readonly englishDropped: number }
}

/** For every page the number of stages that it went through. */
async function stagesPassed(run: string, pages: number): Promise<{ passed: Uint8Array; records: StageRecord[] }> {
  const { run: plan, records } = await readRun(run)
  const passed = new Uint8Array(pages)
  const done: StageRecord[] = []
  for (const [index, name] of documentStages.entries()) {
    const record = present(records[index], name)
    if (record.name !== name) throw new Error(`defect: stage ${index} is ${record.name}, not ${name}`)
    done.push(record)
    const folder = join(stagesFolder(run), present(plan.stages[index], name).folder)
    for (const shard of record.shards) {
      for (const { url } of await readDocuments(folder, shard)) passed[indexOfUrl(present(url, 'url'))] = index + 1
    }
  }
  return { passed, records: done }
}

/** Looks page by page. */
export async function readFates(run: string, crawl: Crawl): Promise<Fates> {
  const { passed, records } = await stagesPassed(run, crawl.pages)
  const stage = (name: string): number => documentStages.indexOf(name)
  const came = (page: number, name: string): boolean => (passed[page] ?? 0) >= stage(name)
  const stayed = (page: number, name: string): boolean => (passed[page] ?? 0) > stage(name)
  const dropped = (page: number, name: string): boolean => came(page, name) && !stayed(page, name)
  const classes: Partial<Record<PageClass, Record<string, number>>> = {}
  const duplicates: Record<string, { compared: number; found: number }> = {}
  const damaged = { planted: 0, reported: records[0]?.report.dropped['damaged']?.documents ?? 0, intactPagesLost: 0 }
  const questions = { compared: 0, found: 0, falselyFound: 0 }
  const languages = { foreign: 0, dropped: 0, englishDropped: 0 }
  let falseDuplicates = 0
  const cut = new Set(crawl.cut)
  for (let page = 0; page < crawl.pages; page++) {
    const { class: own, original } = planPage(crawl.seed, page)
    const counts = (classes[own] ??= { planted: 0, kept: 0 })
    const last = documentStages[passed[page] ?? 0] ?? 'kept'
    counts['planted'] = (counts['planted'] ?? 0) + 1
    counts[last] = (counts[last] ?? 0) + 1
    const isDamaged = damagedClasses.includes(own) || cut.has(page)
    damaged.planted += Number(isDamaged)
    if (isDamaged || own === 'not found' || own === 'not a page') continue
    damaged.intactPagesLost += Number(!stayed(page, 'read'))
    if (own === 'another language') {
      languages.foreign += Number(came(page, 'language'))
      languages.dropped += Number(dropped(page, 'language'))
      continue
    }
    languages.englishDropped += Number(dropped(page, 'language'))
    if (own === 'question of a benchmark') {
      questions.compared += Number(came(page, 'benchmarks'))
      questions.found += Number(dropped(page, 'benchmarks'))
    } else questions.falselyFound += Number(dropped(page, 'benchmarks'))
    if (original === undefined) falseDuplicates += Number(dropped(page, 'duplicates'))
    else if (came(page, 'duplicates') && came(original, 'duplicates')) {
      const pair = (duplicates[own] ??= { compared: 0, found: 0 })
      pair.compared++
      pair.found += Number(!stayed(page, 'duplicates') || !stayed(original, 'duplicates'))
    }
  }
  return { classes, damaged, duplicates, falseDuplicates, questions, languages }
}

const percent = (part: number, of: number): string => (of === 0 ? '-' : `${((100 * part) / of).toFixed(1)} %`)

/** The fates as tables. */
export function printFates({ classes, damaged, duplicates, falseDuplicates, questions, languages }: Fates): void {
  console.log('Pages by what they are: planted, and by which stage they were dropped')
  const columns = ['planted', ...documentStages, 'kept']
  const rows = pageClasses.flatMap((name) => {
    const counts = classes[name]
    return counts === undefined
      ? []
      : [[name, Object.fromEntries(columns.map((column) => [column, counts[column] ?? 0]))]]
  })
  console.table(Object.fromEntries(rows))
  console.log(
    `Damaged records: ${damaged.planted} planted, ${damaged.reported} reported; intact pages lost: ${damaged.intactPagesLost}`,
  )
  for (const name of Object.keys(editShares)) {
    const { compared, found } = duplicates[name] ?? { compared: 0, found: 0 }
    console.log(`Duplicates, ${name}: ${found} of ${compared} found (${percent(found, compared)})`)
  }
  console.log(`Pages like no other that were dropped as duplicates: ${falseDuplicates}`)
  console.log(
    `Questions: ${questions.found} of ${questions.compared} found, ${questions.falselyFound} other pages dropped`,
  )
  console.log(
    `Other languages: ${languages.dropped} of ${languages.foreign} dropped, ${languages.englishDropped} pages in English`,
  )
}
