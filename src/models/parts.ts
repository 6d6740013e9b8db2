/** What several architectures have in common. */
import { addBias, layerNorm } from '../program/ops/index.ts'
import type { Tensor } from '../program/trace.ts'
import type { Initializer, ModelContext } from './model.ts'

/** Limits that no model comes near: what is traced takes memory for every layer and every rotated component. */
export const mostLayers = 1024
export const largestHead = 2 ** 16

/** x times the transpose of `name.weight`, plus `name.bias`. */
export function affine(
  context: Pick<ModelContext, 'linear' | 'parameter'>,
  x: Tensor,
  name: string,
  outputs: number,
  initializer: Initializer = 'normal',
): Tensor {
  const product = context.linear(x, `${name}.weight`, outputs, initializer)
  return addBias(product, context.parameter(`${name}.bias`, [outputs], 'zeros'))
}

/** LayerNorm with `name.weight` and `name.bias`. */
export function affineNorm(context: Pick<ModelContext, 'parameter'>, x: Tensor, name: string, epsilon: number): Tensor {
  const width = [x.type.shape[1] ?? 0]
  const weight = context.parameter(`${name}.weight`, width, 'ones')
  return layerNorm(x, weight, context.parameter(`${name}.bias`, width, 'zeros'), epsilon)
}
