/** Pictures as Phi-3-vision sees them: decoded, cut into tiles, scaled and normalised. */
export { decodePicture } from './decode.ts'
export { layoutPicture, mostPixels, pictureTokenKinds, pictureTokens, tileSide, type PictureToken } from './layout.ts'
export { patchesOf } from './patches.ts'
export { overviewOf, preparePicture, tileOf, type Pixels, type PreparedPicture } from './prepare.ts'
