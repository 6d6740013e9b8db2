import { signal } from '@preact/signals'
import type { ErrorData } from 'pocket-phi/worker'
import { Button } from '../app/button.tsx'
import { errorData } from '../app/errors.ts'
import { saveFile } from '../app/files.ts'
import { ErrorNotice } from '../app/notice.tsx'
import { ProgressBar } from '../app/progress.tsx'
import { Screen } from '../app/screen.tsx'
import { isAnswering } from '../conversations/answering.ts'
import { recover, session } from '../models/session.ts'
import { ModelStatus } from '../models/status.tsx'
import { Chart } from './chart.tsx'
import { medianOf, runBenchmark, usualPlan, type BenchmarkReport, type BenchmarkRound } from './run.ts'

const rounds = signal<readonly BenchmarkRound[]>([])
const report = signal<BenchmarkReport | undefined>(undefined)
const failure = signal<ErrorData | undefined>(undefined)
/** While it runs. */
const running = signal<AbortController | undefined>(undefined)

async function start(): Promise<void> {
  const { value } = session
  if (value.state !== 'ready') return
  const controller = new AbortController()
  running.value = controller
  rounds.value = []
  report.value = undefined
  failure.value = undefined
  try {
    const { model, name } = value
    report.value = await runBenchmark(model, name, usualPlan, controller.signal, (ended) => (rounds.value = ended))
  } catch (error) {
    failure.value = errorData(recover(error))
  }
  running.value = undefined
}

function save(done: BenchmarkReport): void {
  const name = `pocket-phi-benchmark-${done.date.slice(0, 19).replaceAll(/\D/g, '')}.json`
  saveFile(name, `${JSON.stringify(done, undefined, 2)}\n`, 'application/json')
}

export function BenchmarkScreen() {
  const { promptTokens, generatedTokens, seconds } = usualPlan
  const isReady = session.value.state === 'ready'
  return (
    <Screen title="Benchmark">
      <ModelStatus />
      <p class="quiet">
        For {seconds} seconds, {promptTokens} tokens are read and {generatedTokens} written, round after round. A device
        that gets warm slows down, which shows from the first rounds to the last.
      </p>
      {running.value === undefined ? (
        <div class="row">
          <Button kind="primary" icon="gauge" disabled={!isReady || isAnswering.value} onClick={() => void start()}>
            Run
          </Button>
          {report.value === undefined ? undefined : <Export report={report.value} />}
        </div>
      ) : (
        <>
          <ProgressBar
            label="Benchmark"
            progress={{ stage: 'Running', done: secondsDone(), total: seconds, unit: 'seconds' }}
          />
          <div class="row">
            <Button icon="close" onClick={() => running.value?.abort()}>
              Stop
            </Button>
          </div>
        </>
      )}
      {failure.value === undefined ? undefined : <ErrorNotice error={failure.value} />}
      <Results />
    </Screen>
  )
}

/** Whole seconds, not more than there will be. */
function secondsDone(): number {
  return Math.min(usualPlan.seconds, Math.floor(rounds.value.at(-1)?.at ?? 0))
}

/** Three digits, which is more than two runs agree in. */
function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString()
}

function Export({ report: done }: { readonly report: BenchmarkReport }) {
  return (
    <Button icon="download" onClick={() => save(done)}>
      Export
    </Button>
  )
}

function Results() {
  const ended = rounds.value
  if (ended.length === 0) return undefined
  const median = (of: (round: BenchmarkRound) => number): string => rounded(medianOf(ended.map(of)))
  const drift = report.value?.drift
  return (
    <section class="results" aria-label="Results">
      <dl class="figures-row">
        <Figure label="written per second" value={median((round) => round.generatedTokensPerSecond)} />
        <Figure label="read per second" value={median((round) => round.promptTokensPerSecond)} />
        {drift === undefined ? undefined : (
          <Figure label="last rounds to first" value={`${(drift * 100).toFixed(0)} %`} />
        )}
      </dl>
      <Chart values={ended.map((round) => round.generatedTokensPerSecond)} />
    </section>
  )
}

function Figure({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  )
}
