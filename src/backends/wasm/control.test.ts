import { afterEach, expect, test, vi } from 'vitest'
import { Conductor, makeControl, Walker } from './control.ts'

const { waitAsync } = Atomics

afterEach(() => {
  vi.restoreAllMocks()
  Object.assign(Atomics, { waitAsync })
})

test('a thread that is told to quit when it is about to sleep does not sleep', () => {
  const control = makeControl(2)
  const conductor = new Conductor(control, 0)
  let sleeps = 0
  vi.spyOn(Atomics, 'wait').mockImplementation((array, index, value) => {
    sleeps += 1
    // After the thread has seen that there is nothing to do, and before it sleeps.
    conductor.quit(2)
    if (array[index] === value) throw new Error('sleeps, with nobody left to wake it')
    return 'not-equal'
  })
  for (const thread of [0, 1]) new Walker(control, [], [], thread, () => {}).serve()
  expect(sleeps).toBe(1)
})

test.each([true, false])(
  'quitting ends the wait for threads that are gone (with waitAsync: %s)',
  async (hasWaitAsync) => {
    if (!hasWaitAsync) Object.assign(Atomics, { waitAsync: undefined })
    const conductor = new Conductor(makeControl(2), 0)
    const run = conductor.run(0, 0, 1, 2)
    conductor.quit(2)
    await run
    expect(conductor.failed).toBe(false)
  },
)
