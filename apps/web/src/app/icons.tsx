/** Icons as lines of one weight, 24 units wide. They are decoration: what they do is said in words beside them. */
const paths = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M15 5l-7 7 7 7',
  forward: 'M9 5l7 7-7 7',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M8 8h8v8H8z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  retry: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4.5h-4.5',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  search: 'M16.5 16.5L21 21M18 11a7 7 0 1 1-14 0 7 7 0 0 1 14 0z',
  settings: 'M4 8h9M17 8h3M4 16h3M11 16h9M15 10.5v-5M9 18.5v-5',
  model: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5',
  gauge: 'M4 18a8 8 0 1 1 16 0M12 18l4-6',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  pause: 'M9 6v12M15 6v12',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5v.1',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM16 13a4 4 0 1 1-8 0 4 4 0 0 1 8 0z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  document: 'M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6',
  folder: 'M4 6h6l2 2h8v11H4z',
  down: 'M12 5v14M6 13l6 6 6-6',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.5',
} as const

export type IconName = keyof typeof paths

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

/** The letter of the model, as on the icon of the page. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 64 64" aria-hidden="true">
      <circle cx="32" cy="32" r="15" />
      <path d="M32 8v48" />
    </svg>
  )
}
