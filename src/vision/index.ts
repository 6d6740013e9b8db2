/** Pictures as Phi-3-vision sees them: cut into tiles, scaled and normalised. No part of it reads files. */
export { layoutPicture, pictureTokens, tileSide, tokensOfSide, type PictureLayout } from './layout.ts'
export { patchesOf } from './patches.ts'
export { overviewOf, preparePicture, tileOf, type Pixels, type PreparedPicture } from './prepare.ts'
