import { PocketPhiError } from '../../../base/errors.ts'
import type { StorePlan } from '../../../program/plan.ts'
import type { Operation, Program } from '../../../program/program.ts'
import type { PooledStore } from '../expert-pools.ts'
import type { StepProgram } from '../steps.ts'
import { indexChecksOf } from '../../index-checks.ts'
import { outputsOf } from '../../outputs.ts'
import { Lowering, StepBuilder, type LoweringOptions, type Rule } from './context.ts'
import * as cache from './cache.ts'
import * as elementwise from './elementwise.ts'
import * as experts from './experts.ts'
import * as matrix from './matrix.ts'
import * as positions from './positions.ts'
import * as training from './training.ts'

export type { LoweringOptions } from './context.ts'

/** One rule for each operation that this backend can run. */
const rules: Readonly<Record<string, Rule>> = {
  ...cache,
  ...elementwise,
  ...experts,
  ...matrix,
  ...positions,
  ...training,
}

function ruleOf(operation: Operation, program: Program): Rule {
  const rule = Object.hasOwn(rules, operation.kind) ? rules[operation.kind] : undefined
  if (rule !== undefined) return rule
  throw new PocketPhiError('not-supported', `The wasm backend has no rule for the operation "${operation.kind}".`, {
    found: `it in ${operation.scope || program.name}`,
  })
}

/**
 * From operations to kernel calls. Parameters and states lie in the slabs of `store`, matrices of experts in its pools where it has some.
 *
 * @throws PocketPhiError `not-supported` for an operation without a rule, or over slabs where its rule takes whole tensors.
 */
export function lowerProgram(program: Program, store: StorePlan | PooledStore, options: LoweringOptions): StepProgram {
  const builder = new StepBuilder(program, store, options)
  for (const operation of program.operations) ruleOf(operation, program)(new Lowering(operation, builder))
  const outputs = outputsOf(program, (id) => builder.operand(id))
  const { buffers, steps, inputs } = builder
  return { name: program.name, buffers, steps, inputs, outputs, checks: indexChecksOf(program) }
}
