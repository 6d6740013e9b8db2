/** The script of the worker that `startEngine` starts. */
import { serveEngine } from './serve.ts'

serveEngine(globalThis)
