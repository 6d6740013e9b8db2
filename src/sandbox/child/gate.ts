/**
 * The way out of a WebAssembly interpreter. All that its code can do outside of its own memory is to call the functions that its
 * instance imports, and those of the host that stand in its table, which come from small instances that import one each. So
 * every import of every instance that is made here goes through one gate. It is open while the interpreter starts; once it is
 * locked, only functions with a rule do anything. What a program does to the interpreter, be it that it writes over all of its memory, adds no
 * function to that list.
 */
import { Ended } from './ends.ts'

/**
 * What a function does once the gate is locked.
 *
 * @param call what it does before, with the same arguments
 */
export type Rule = (args: readonly number[], call: () => unknown) => unknown

/** By the names of imports. A name that is not there ends the program. */
export type Rules = ReadonlyMap<string, Rule>

type HostFunction = (...args: readonly unknown[]) => unknown

export class Gate {
  readonly #rules: Rules
  /** What an interpreter imports by its name; the same function under any other name is that function. */
  readonly #names = new Map<unknown, string>()
  #locked = false
  #ended: Ended | undefined

  constructor(rules: Rules) {
    this.#rules = rules
  }

  /** Ends what starting an interpreter may do. There is no way back. */
  lock(): void {
    this.#locked = true
  }

  /** What ended the program, whatever the interpreter made of it. */
  get ended(): Ended | undefined {
    return this.#ended
  }

  /** The imports of an instance with this gate before each function. @throws TypeError for an import of unknown kind */
  imports(given: WebAssembly.Imports): WebAssembly.Imports {
    const guard = (fields: WebAssembly.ModuleImports): WebAssembly.ModuleImports =>
      // Names are looked up when the instance is made: some interpreters import any name, and make what it stands for.
      new Proxy(fields, { get: (target, name) => this.#guarded(target[String(name)], String(name)) })
    return Object.fromEntries(Object.entries(given).map(([module, fields]) => [module, guard(fields)]))
  }

  #guarded(value: unknown, name: string): WebAssembly.ImportValue {
    if (typeof value === 'function') return this.#behind(value as HostFunction, name)
    const { Memory, Table, Global, Tag } = WebAssembly as typeof WebAssembly & { readonly Tag: typeof Object }
    const isData = [Memory, Table, Global, Tag].some((kind) => value instanceof kind)
    if (isData) return value as WebAssembly.ImportValue
    throw new TypeError(`The import "${name}" is neither a function nor data.`)
  }

  #behind(inner: HostFunction, given: string): HostFunction {
    const name = this.#names.get(inner) ?? given
    this.#names.set(inner, name)
    const guarded: HostFunction = (...args) => {
      if (!this.#locked) return inner(...args)
      // An interpreter may catch what ends it, and go on; then it can do nothing more.
      if (this.#ended !== undefined) throw this.#ended
      try {
        return this.#ruleOf(name)(args as readonly number[], () => inner(...args))
      } catch (error) {
        if (error instanceof Ended) this.#ended = error
        throw error
      }
    }
    this.#names.set(guarded, name)
    return guarded
  }

  #ruleOf(name: string): Rule {
    const rule = this.#rules.get(name)
    if (rule !== undefined) return rule
    return () => {
      throw new Ended({ kind: 'refused', request: name })
    }
  }
}

type Instantiate = (
  source: BufferSource | WebAssembly.Module,
  imports?: WebAssembly.Imports,
) => Promise<WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance>

/**
 * Has all instances of this process made behind the gate. What could put a function into a table without an instance goes (type
 * reflection, stack switching).
 *
 * @param onInstance sees what the instances of modules export
 */
export function installGate(gate: Gate, onInstance: (exports: WebAssembly.Exports) => void): void {
  const { instantiate, Instance } = WebAssembly
  const guarded: Instantiate = async (source, imports) => {
    const made = await (instantiate as Instantiate)(source, imports && gate.imports(imports))
    onInstance((made instanceof Instance ? made : made.instance).exports)
    return made
  }
  const guardedInstance = new Proxy(Instance, {
    construct: (target, [module, imports]: [WebAssembly.Module, WebAssembly.Imports?]) =>
      new target(module, imports && gate.imports(imports)),
  })
  Object.assign(WebAssembly, { instantiate: guarded, Instance: guardedInstance })
  for (const name of ['instantiateStreaming', 'Function', 'Suspending', 'promising']) {
    Reflect.deleteProperty(WebAssembly, name)
  }
  Object.freeze(WebAssembly)
}
