/** A server that judges and plays users as a test says. */
import { ScriptedServer, type AskedBody, type Reply } from '../data/pipeline/asking/scripted-server-harness.ts'

export interface Asked {
  readonly system: string
  /** What stands between the marks of a conversation to be judged, or the talk so far. */
  readonly talk: string
  readonly mark: string
  /** How often this has been asked before. */
  readonly before: number
}

export class SafetyServer extends ScriptedServer {
  readonly #answers: (asked: Asked) => Reply
  readonly #times = new Map<string, number>()

  constructor(answers: (asked: Asked) => Reply) {
    super()
    this.#answers = answers
  }

  protected override reply({ messages }: AskedBody): Reply {
    const [system = '', asked = ''] = messages.map(({ content }) => content)
    const [, mark = '', talk = asked] = /^=== (\w+) ===\n([\s\S]*)\n=== \1 ===$/.exec(asked) ?? []
    const name = system + asked
    const before = this.#times.get(name) ?? 0
    this.#times.set(name, before + 1)
    return this.#answers({ system, talk, mark, before })
  }
}
