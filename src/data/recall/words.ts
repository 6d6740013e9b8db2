/** The words of which texts to recall from are made: short ones, so that a small vocabulary has each as one token. */

const listed = (words: string): readonly string[] => words.trim().split(/\s+/)

export const names = listed(`
Ada Ben Cal Dan Eve Fay Gus Hal Ida Jan Kim Lea Max Ned Oda Pam
Ray Sam Tom Una Vic Wes Zoe Amy Bob Cleo Dora Ella Finn Greta Hugo Ines
Jack Kate Lars Mona Nora Otto Pia Rosa Seth Tess Ulf Vera Walt Yara Abel Bea
Cora Dirk Emil Fred Gina Hans Inga Joan Karl Lena Milo Nils Olga Paul Ruth Sven
`)

export const colours = listed('red blue green black white brown gold grey pink silver yellow purple')

export const objects = listed(`
coin ring cup lamp book bell comb box hat shoe rope drum map pen bag fork
`)

/** Words that stand in keys alone. */
export const gems = listed(
  'ruby opal jade onyx pearl amber topaz agate beryl coral garnet jet quartz spinel zircon lapis',
)

export const birds = listed('crow dove duck hawk wren swan gull lark owl finch robin stork heron eagle goose raven')
