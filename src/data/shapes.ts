/**
 * Pictures of coloured shapes and what is said of them: the toy on which training with pictures is shown. Picture i of a seed depends on
 * nothing but (seed, i).
 */
import { Random } from '../base/random.ts'
import type { Pixels } from '../vision/index.ts'

type Colour = readonly [red: number, green: number, blue: number]

const colours = {
  red: [214, 40, 40],
  orange: [244, 140, 20],
  yellow: [246, 214, 40],
  green: [44, 150, 70],
  blue: [40, 90, 210],
  purple: [130, 60, 170],
  brown: [120, 76, 40],
  black: [24, 24, 28],
} as const satisfies Readonly<Record<string, Colour>>

/** Whether a point is in a shape of size 1 about the origin; y grows downwards. */
const shapes = {
  circle: (x: number, y: number) => x * x + y * y <= 1,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  triangle: (x: number, y: number) => y <= 0.8 && Math.abs(x) <= (y + 1) / 1.8,
  cross: (x: number, y: number) =>
    Math.min(Math.abs(x), Math.abs(y)) <= 0.32 && Math.max(Math.abs(x), Math.abs(y)) <= 1,
} as const

export type ColourName = keyof typeof colours
export type ShapeName = keyof typeof shapes

export const colourNames = Object.keys(colours) as readonly ColourName[]
export const shapeNames = Object.keys(shapes) as readonly ShapeName[]

/** A shape in a picture; places and size in pixels. */
export interface Shape {
  readonly colour: ColourName
  readonly shape: ShapeName
  readonly x: number
  readonly y: number
  readonly size: number
}

export interface ShapesConversation {
  readonly picture: Pixels
  readonly shape: Shape
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly content: string }[]
}

/** Pixels along a side of a picture: a quarter of those of a tile. */
const side = 84

/** Points of a pixel, along each axis, of which the mean is its colour. */
const points = 2

/** Draws a shape on a background. */
export function drawShape({ colour, shape, size, x: left, y: top }: Shape, background: Colour): Pixels {
  const data = new Uint8Array(side * side * 4).fill(255)
  const isInside = shapes[shape]
  for (let at = 0; at < side * side; at++) {
    const sum = [0, 0, 0]
    for (let point = 0; point < points ** 2; point++) {
      const x = (at % side) + ((point % points) + 0.5) / points
      const y = Math.floor(at / side) + (Math.floor(point / points) + 0.5) / points
      const seen = isInside((x - left) / size, (y - top) / size) ? colours[colour] : background
      seen.forEach((value, channel) => (sum[channel] = (sum[channel] ?? 0) + value))
    }
    data.set(
      sum.map((value) => Math.round(value / points ** 2)),
      at * 4,
    )
  }
  return { width: side, height: side, data }
}

/** A shape that nearly fills the picture, anywhere where it is whole. */
function placeShape(random: Random): Shape {
  const size = side * (0.34 + 0.1 * random.float())
  const place = (): number => size + random.float() * (side - 2 * size)
  return { colour: random.pick(colourNames), shape: random.pick(shapeNames), x: place(), y: place(), size }
}

/** Conversation `index` of `seed`: a picture of a shape, and what it is. */
export function shapesConversation(seed: number, index: number): ShapesConversation {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ index)
  const drawn = placeShape(random)
  const grey = random.integer(200, 256)
  const background = [grey, grey + random.integer(-12, 1), grey + random.integer(-12, 1)] as const
  const { colour, shape } = drawn
  return {
    picture: drawShape(drawn, background),
    shape: drawn,
    messages: [
      { role: 'user', content: 'What is in the picture?' },
      { role: 'assistant', content: `${colour === 'orange' ? 'An' : 'A'} ${colour} ${shape}.` },
    ],
  }
}
