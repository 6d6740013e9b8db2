import { forEachElement, parameters, reads, writes, type Kernel } from '../kernel.ts'

/** The dot product of every head of the output with the gradient that arrives at it. */
export const attentionDelta: Kernel = {
  name: 'attentionDelta',
  bindings: [reads('output'), reads('gradient'), writes('delta')],
  parameters: parameters('count', 'headSize'),
  code: forEachElement(`
var sum = 0.0;
for (var component = 0u; component < given.headSize; component += 1u) {
  sum += output[index * given.headSize + component] * gradient[index * given.headSize + component];
}
delta[index] = sum;
`),
}
