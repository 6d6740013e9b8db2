/** Whether there is a process of this number on this machine, whoever it belongs to. Node alone knows. */
export function isAlive(id: number): boolean {
  try {
    globalThis.process.kill(id, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
