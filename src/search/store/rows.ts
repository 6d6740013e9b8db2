/** Values of rows of SQLite, which are of unknown types. */
type Row = Readonly<Record<string, unknown>> | undefined

export function numberIn(row: Row, column: string): number {
  const value = row?.[column]
  if (typeof value !== 'number') throw new Error(`defect: the column ${column} is no number`)
  return value
}

export function textIn(row: Row, column: string): string {
  const value = row?.[column]
  if (typeof value !== 'string') throw new Error(`defect: the column ${column} is no text`)
  return value
}
