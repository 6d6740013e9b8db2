import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { fileOfPicture } from './pictures.ts'

interface PictureProps {
  readonly id: string
  readonly name: string
}

/** A picture in small, once its file is there; its name where it cannot be shown. */
export function Picture({ id, name }: PictureProps) {
  const address = useSignal<string | undefined>(undefined)
  const isBroken = useSignal(false)
  useEffect(() => {
    let made: string | undefined
    let isGone = false
    const show = async (): Promise<void> => {
      const file = await fileOfPicture(id)
      if (isGone) return
      made = URL.createObjectURL(file)
      address.value = made
    }
    show().catch(() => (isBroken.value = true))
    return () => {
      isGone = true
      if (made !== undefined) URL.revokeObjectURL(made)
    }
  }, [id])
  if (isBroken.value) return <span class="picture quiet">{name} cannot be shown.</span>
  if (address.value === undefined) return <span class="picture" role="img" aria-label={name} />
  return <img class="picture" src={address.value} alt={name} onError={() => (isBroken.value = true)} />
}
