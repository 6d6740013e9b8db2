/** What `phi quantize --mode calibrated` runs a model over. */
import { resolve } from 'node:path'
import type { RunInputs } from '../backends/backend.ts'
import type { Model } from '../models/index.ts'
import { calibrationBatches } from '../quant/calibration-text.ts'
import { UsageError } from './errors.ts'
import { readTextFile } from './files.ts'
import { readTextFiles } from './text-files.ts'
import { calibrationSeed, worldText } from './world-text.ts'

export interface CalibrationChoice {
  readonly mode: 'plain' | 'search' | 'calibrated'
  readonly calibration?: string
  readonly calibrationTokens: number
  readonly world?: boolean
  readonly text?: string
}

/** @throws UsageError when the options contradict each other */
export function checkCalibration({ mode, calibration, world, text }: CalibrationChoice): void {
  if (mode !== 'calibrated' && calibration !== undefined) {
    throw new UsageError('--calibration is for --mode calibrated.')
  }
  if (mode === 'calibrated' && calibration === undefined && world !== true) {
    throw new UsageError('--mode calibrated needs a text: --calibration FILE, or --world for the closed world.')
  }
  if (calibration !== undefined && text !== undefined && resolve(calibration) === resolve(text)) {
    throw new UsageError('A model cannot be measured on the text that it was calibrated on: --text must be another.')
  }
}

/** The batches of the text that was asked for. */
export async function calibrationInputs(
  folder: string,
  model: Model,
  { calibration, calibrationTokens }: CalibrationChoice,
): Promise<RunInputs[]> {
  const { tokenizer } = await readTextFiles(folder)
  const sequences =
    calibration === undefined
      ? examples(worldText(tokenizer, calibrationSeed).source)
      : [tokenizer.encode(await readTextFile(calibration, 'text to calibrate on'))]
  return calibrationBatches(model.shape, sequences, calibrationTokens)
}

/** The ids of one example after the other, without end. */
function* examples(source: ReturnType<typeof worldText>['source']): Generator<readonly number[]> {
  for (let index = 0; ; index++) yield source.example(index).ids
}
