/** Pictures as Phi-3-vision sees them: cut into tiles, scaled and normalised. What decodes them, decode.ts, is loaded when it is needed. */
export { layoutPicture, mostPixels, pictureTokenKinds, pictureTokens, tileSide, type PictureToken } from './layout.ts'
export { patchesOf } from './patches.ts'
export { overviewOf, preparePicture, tileOf, type Pixels, type PreparedPicture } from './prepare.ts'
