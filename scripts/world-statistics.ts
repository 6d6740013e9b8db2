/**
 * Prints what the generators of the closed world give: shares by kind, size, speed and vocabulary.
 * Usage: node scripts/world-statistics.ts [count] [seed]
 */
import { worldStatistics } from '../src/data/world/statistics.ts'

const count = Number(process.argv[2] ?? 20_000)
const seed = Number(process.argv[3] ?? 1)
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`

for (const what of ['documents', 'conversations'] as const) {
  const start = performance.now()
  const { items, characters, pieces, kinds, words } = worldStatistics(what, seed, count)
  const seconds = (performance.now() - start) / 1000
  console.log(`${what}: ${items}, ${characters} characters, ${pieces} words, digits and marks`)
  console.log(`made and counted at ${(characters / 1e6 / seconds).toFixed(1)} MB/s`)
  console.log('| kind | items | characters | words, digits and marks | mean length |\n| --- | --- | --- | --- | --- |')
  for (const row of kinds) {
    const shares = [percent(row.items, items), percent(row.characters, characters), percent(row.pieces, pieces)]
    console.log(`| ${row.kind} | ${shares.join(' | ')} | ${Math.round(row.characters / row.items)} |`)
  }
  const common = words.filter(([, uses]) => uses >= 20)
  const lower = common.filter(([word]) => word === word.toLowerCase())
  console.log(
    `distinct words: ${words.length}; used 20 times or more: ${common.length}, ${lower.length} in lower case\n`,
  )
}
