import { PocketPhiError } from '../../../base/errors.ts'
import type { StorePlan } from '../../../program/plan.ts'
import type { Operation, Program } from '../../../program/program.ts'
import { indexChecksOf } from '../../index-checks.ts'
import { outputsOf } from '../../outputs.ts'
import type { Arithmetic, StepProgram } from '../steps.ts'
import * as attention from './attention.ts'
import * as cache from './cache.ts'
import { Lowering, StepBuilder, type Rule } from './context.ts'
import * as elementwise from './elementwise.ts'
import * as experts from './experts.ts'
import * as matrix from './matrix.ts'
import * as training from './training.ts'

/** One rule for each operation that this backend can run. */
const rules: Readonly<Record<string, Rule>> = {
  ...attention,
  ...cache,
  ...elementwise,
  ...experts,
  ...matrix,
  ...training,
}

function ruleOf(operation: Operation, program: Program): Rule {
  const rule = Object.hasOwn(rules, operation.kind) ? rules[operation.kind] : undefined
  if (rule !== undefined) return rule
  throw new PocketPhiError('not-supported', `The webgpu backend has no rule for the operation "${operation.kind}".`, {
    found: `it in ${operation.scope || program.name}`,
  })
}

/**
 * From operations to dispatches. Parameters and states lie in the slabs of `store`.
 *
 * @throws PocketPhiError `not-supported` for an operation without a rule, or over slabs where its rule takes whole tensors.
 */
export function lowerProgram(program: Program, store: StorePlan, arithmetic: Arithmetic): StepProgram {
  const builder = new StepBuilder(program, store, arithmetic)
  for (const operation of program.operations) ruleOf(operation, program)(new Lowering(operation, builder))
  const outputs = outputsOf(program, (id) => builder.operand(id))
  const { buffers, steps, inputs, uploads } = builder
  return { name: program.name, buffers, inputs, uploads, steps, outputs, checks: indexChecksOf(program) }
}
