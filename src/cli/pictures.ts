/** Pictures that commands are given as files. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { Picture } from '../engine/pictures.ts'
import { readFailure } from './files.ts'
import { given, integer, repeated } from './options.ts'

export interface PictureCommandOptions {
  readonly image?: readonly string[]
  readonly tiles?: number
}

/** Adds `--image` and `--tiles`. */
export function addPictureOptions(command: Command): Command {
  return command
    .option('--image <file>', 'a PNG, JPEG, WebP or GIF file to look at; may be given several times', repeated)
    .option(
      '--tiles <n>',
      'tiles that a picture is cut into at most: more show more and take more tokens (default: what the model was published with, else 4)',
      integer(1, 64),
    )
}

/**
 * Takes in a picture and says what it costs, before anything is computed.
 *
 * @throws PocketPhiError `not-found`, and as `PhiModel.picture`
 */
export async function openPicture(
  model: PhiModel,
  file: string,
  { tiles }: Pick<PictureCommandOptions, 'tiles'>,
): Promise<{ readonly picture: Picture; readonly cost: string }> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw readFailure(file, 'picture', cause)
  })
  try {
    const picture = await model.picture(bytes, given({ tiles }))
    return { picture, cost: `${file}: ${picture.width} x ${picture.height} pixels, ${picture.tokens} tokens` }
  } catch (error) {
    if (!(error instanceof PocketPhiError)) throw error
    const { code, problem, expected, found, remedy, cause } = error
    throw new PocketPhiError(code, `${file}: ${problem}`, given({ expected, found, remedy, cause }))
  }
}

/** The same for all that were given as options. */
export async function openPictures(
  model: PhiModel,
  options: PictureCommandOptions,
  tell: (cost: string) => void,
): Promise<Picture[]> {
  const pictures: Picture[] = []
  for (const file of options.image ?? []) {
    const { picture, cost } = await openPicture(model, file, options)
    tell(cost)
    pictures.push(picture)
  }
  return pictures
}
