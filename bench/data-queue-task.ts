/** A task that does nothing: what remains is what the queue takes. */
export const runTask = async (): Promise<null> => null
