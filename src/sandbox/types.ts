/** Programs that nobody has read, and what comes of running them. */

export type Language = 'python' | 'javascript' | 'typescript'

export interface Program {
  readonly language: Language
  readonly source: string
}

export interface Limits {
  /**
   * Of the processor, with what the interpreter takes to start (0.3 seconds, of Python); by the clock six times as many. On Windows only
   * the clock counts.
   */
  readonly seconds: number
  /** Memory of the interpreter with all that the program makes, in MiB. */
  readonly memory: number
  /** What the program prints, in bytes. */
  readonly output: number
}

/** How a program ended. */
export type Ending =
  /** It ran to its end. */
  | { readonly kind: 'finished' }
  /** An exception ended it: its last line, "AssertionError: no". */
  | { readonly kind: 'raised'; readonly error: string }
  /** It ended the interpreter. */
  | { readonly kind: 'exited'; readonly status: number }
  /** It asked for something outside of the interpreter: the function that it called. */
  | { readonly kind: 'refused'; readonly request: string }
  | { readonly kind: 'exceeded'; readonly limit: 'seconds' | 'memory' | 'output' | 'stack' }
  /** The interpreter failed in a way that it should not: what it said. */
  | { readonly kind: 'crashed'; readonly error: string }

export type Outcome = Ending & {
  /** What was printed to either stream, as far as it was taken. */
  readonly output: string
}

/** Where the interpreter of a program lies: addresses of the modules of its packages, and of Python the file that it starts from. */
export type InterpreterModules =
  | { readonly interpreter: 'python'; readonly pyodide: string; readonly snapshot: string }
  | { readonly interpreter: 'javascript'; readonly core: string; readonly variant: string }

/** What the process of a program is told, as JSON on its standard input. */
export interface GuestRequest {
  readonly program: Program
  readonly limits: Limits
  readonly modules: InterpreterModules
}
