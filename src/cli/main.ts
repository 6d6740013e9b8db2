#!/usr/bin/env node
/**
 * The command `phi`. In an older Node it runs just far enough to say which one it needs, so everything else is loaded
 * after the check.
 */
import { oldestNode } from '../base/platform.ts'

const major = Number(process.versions.node.split('.')[0])

if (major < oldestNode) {
  process.stderr.write(
    `error: Pocket Phi does not run in this version of Node.\n` +
      `  expected  Node ${oldestNode} or newer\n` +
      `  found     Node ${process.versions.node} at ${process.execPath}\n` +
      `  remedy    Install a newer Node (https://nodejs.org), or use "npm start" in a checkout, which brings its own.\n`,
  )
  process.exitCode = 1
} else {
  const { main } = await import('./program.ts')
  await main(process.argv.slice(2))
}
