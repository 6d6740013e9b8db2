/** Kernels that multiply in f32 or in f16, from one template. */
import type { Arithmetic } from '../steps.ts'

/** How operands lie in workgroup memory, and how they are multiplied there; what comes of it is f32. */
export interface Multiplication {
  /** Of an operand in workgroup memory. */
  readonly type: 'f32' | 'f16'
  /** WGSL functions that the expressions below call. */
  readonly code: string
  /** An operand from a number in f32. */
  readonly operand: (value: string) => string
  /** Four operands from four numbers. */
  readonly operands: (values: string) => string
  readonly product: (left: string, right: string) => string
  /** The sum of the products of four operands. */
  readonly dot: (left: string, right: string) => string
}

export const multiplications: Readonly<Record<Arithmetic, Multiplication>> = {
  f32: {
    type: 'f32',
    code: '',
    operand: (value) => value,
    operands: (values) => values,
    product: (left, right) => `${left} * ${right}`,
    dot: (left, right) => `dot(${left}, ${right})`,
  },
  f16: {
    type: 'f16',
    code: `
fn toHalf(value: f32) -> f16 {
  return f16(value);
}

fn toHalves(values: vec4<f32>) -> vec4<f16> {
  return vec4<f16>(values);
}

fn multiplyHalves(left: f16, right: f16) -> f32 {
  return f32(left * right);
}

fn dotHalves(left: vec4<f16>, right: vec4<f16>) -> f32 {
  return f32(dot(left, right));
}
`,
    operand: (value) => `toHalf(${value})`,
    operands: (values) => `toHalves(${values})`,
    product: (left, right) => `multiplyHalves(${left}, ${right})`,
    dot: (left, right) => `dotHalves(${left}, ${right})`,
  },
}
