/** Amounts for people. */

/** Three digits and a unit, the next one where rounding reaches it. */
function withUnit(value: number, units: readonly string[]): string {
  let scaled = value
  let unit = 0
  while (unit < units.length - 1 && Number(scaled.toPrecision(3)) >= 1000) {
    scaled /= 1000
    unit++
  }
  return `${unit === 0 ? String(scaled) : scaled.toPrecision(3)} ${units[unit]}`
}

/** 1,500,000 bytes are "1.50 MB". */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, ['B', 'kB', 'MB', 'GB', 'TB'])
}

/** 3,900,000 is "3.90 million"; below 10,000 every digit. */
export function formatCount(count: number): string {
  return count < 10_000 ? String(count) : withUnit(count, ['', 'thousand', 'million', 'billion', 'trillion'])
}

/** 3,725 seconds are "1 h 02 min". */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown'
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : `${whole} s`
}
