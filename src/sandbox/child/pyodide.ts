/** The part of the package `pyodide` that is used. What begins with `_` is none of its interface: its version is fixed (`interpreters.ts`). */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Pyodide {
  /** Its memory as it is, to begin with; asked for by `_makeSnapshot`. */
  makeMemorySnapshot(): Uint8Array
}

type Start = { readonly _makeSnapshot: true } | { readonly _loadSnapshot: Uint8Array }

interface PyodideModule {
  loadPyodide(
    options: Start & { readonly indexURL: string; readonly env: Readonly<Record<string, string>> },
  ): Promise<Pyodide>
}

/** @param address of the module of the package */
export async function loadPython(address: string, start: Start): Promise<Pyodide> {
  const module = (await import(address)) as PyodideModule
  // Sets have the same order in every run.
  const env = { HOME: '/', PYTHONHASHSEED: '0' }
  return await module.loadPyodide({ indexURL: dirname(fileURLToPath(address)), env, ...start })
}
