export function matmul(args: usize, thread: i32, threads: i32): void {
  store<i32>(args, thread + threads)
}
