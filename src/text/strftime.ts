const months = 'January February March April May June July August September October November December'.split(' ')
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** Python's `strftime` in local time, for the directives that chat templates use; others are left as they are. */
export function formatTime(time: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const month = months[time.getMonth()] as string
  const day = days[time.getDay()] as string
  const directives: Readonly<Record<string, string>> = {
    '%': '%',
    Y: String(time.getFullYear()),
    y: two(time.getFullYear() % 100),
    m: two(time.getMonth() + 1),
    d: two(time.getDate()),
    '-d': String(time.getDate()),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    H: two(time.getHours()),
    M: two(time.getMinutes()),
    S: two(time.getSeconds()),
  }
  return format.replace(/%(-d|[%YymdBbAaHMS])/g, (_, name: string) => directives[name] as string)
}
